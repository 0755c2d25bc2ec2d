#include "processor/conservation.h"

#include <fmt/format.h>

#include <stdexcept>

namespace trainer {
namespace {

class Check {
 public:
  explicit Check(const PhaseRecord& record) : record_(record) {}

  void equal(std::string_view what, int64_t a, int64_t b) const { require(a == b, what, a, b); }
  void at_least(std::string_view what, int64_t a, int64_t b) const { require(a >= b, what, a, b); }

 private:
  void require(bool holds, std::string_view what, int64_t a, int64_t b) const {
    if (!holds) {
      throw std::logic_error(fmt::format("{} of {} in {}: {}: {} against {}", to_string(record_.shape.phase),
                                         to_string(record_.geometry), to_string(record_.dataflow), what, a, b));
    }
  }

  const PhaseRecord& record_;
};

}  // namespace

void check_conservation(const PhaseRecord& record, const PhaseCounts& counts) {
  const Check check(record);
  const EventCounts& events = counts.events;
  const PassPlan& plan = record.arrangement.plan;
  check.equal("dense MACs are not effectual + skipped ones", counts.dense_macs,
              counts.effectual_macs + counts.skipped_by_input + counts.skipped_by_weight + counts.skipped_by_output);
  for (const int64_t part :
       {counts.effectual_macs, counts.skipped_by_input, counts.skipped_by_weight, counts.skipped_by_output}) {
    check.at_least("a class of MACs is negative", part, 0);
  }
  check.equal("values stored for good are not the results", plan.final_values, record.outputs());
  check.at_least("fewer sums drained than there are results", record.sums(), record.outputs());
  check.at_least("fewer bits of activations on chip than there are", plan.on_chip.X + plan.on_chip.dZ,
                 record.sizes.activations());
  check.at_least("fewer bits of weights on chip than there are", plan.on_chip.W, record.sizes.all_weights());
  const int64_t moved = record.sizes.moved_streamed() + (record.shape.phase == Phase::WG ? record.sizes.moved_dZ() : 0);
  check.at_least("fewer bits of activations loaded than there are", plan.loaded.X + plan.loaded.dZ, moved);
  check.at_least("bytes loaded do not hold their bits", 8 * plan.load_bytes, plan.loaded.total());
  check.at_least("more MACs effectual than met", record.met, counts.effectual_macs);
  check.equal("lane cycles are not active + idle ones", counts.cycles * record.parameters.array_lanes(),
              events[Event::lane_active] + events[Event::lane_idle]);
  check.at_least("more lanes active than there are", events[Event::lane_idle], 0);
  // Otherwise a wait can make groups share items, or the output port, better.
  if (record.dataflow.assignment != Assignment::dynamic && record.parameters.drain_ways() >= record.parameters.groups) {
    check.at_least("shorter than its compute", counts.cycles, counts.compute_cycles);
  }
  check.at_least("shorter than its transfers", counts.cycles, counts.memory_cycles);
  int64_t items = 0;
  for (const Pass& pass : plan.passes) {
    items += (pass.tile_end - pass.tile_begin) * (pass.block_end - pass.block_begin) * record.items.slices;
  }
  check.equal("items sent are not those of the passes", events[Event::dispatch], items);
}

}  // namespace trainer
