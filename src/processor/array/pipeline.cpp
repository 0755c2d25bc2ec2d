#include "processor/array/pipeline.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "processor/array/group_queue.h"
#include "processor/array/pass_clock.h"
#include "processor/dataflow/partition.h"
#include "processor/integer.h"

namespace trainer {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

/// The item that the distributor sends next.
struct Cursor {
  size_t pass = 0;
  int64_t tile = 0;
  int64_t block = 0;
  int64_t slice = 0;
};

/// Times come from sums and maxima alone, but for the output port, which groups get in the order in which they ask. So
/// everything is sent that can be without knowing more grants; then the earliest of those who ask is given a way; and
/// so on. Nothing that is sent later can ask earlier: it waits for a start, or a pass, that comes after a drain of
/// those who ask now.
class Pipeline {
 public:
  Pipeline(const ItemTable& items, const PassPlan& plan, const ItemPort& port, const Dataflow& dataflow,
           const ProcessorParameters& parameters, bool memory_takes_time)
      : items_(items),
        plan_(plan),
        port_(port),
        dataflow_(dataflow),
        parameters_(parameters),
        passes_(plan, items.slices, Dram(parameters), memory_takes_time),
        groups_(static_cast<size_t>(dataflow.grouping.product()), GroupQueue(parameters, !items.estimates.empty())),
        asked_(groups_.size(), kNever),
        free_(static_cast<size_t>(std::min(parameters.drain_ways(), dataflow.grouping.product())), 0) {
    int64_t count = 0;
    for (const Pass& pass : plan.passes) {
      count += (pass.tile_end - pass.tile_begin) * (pass.block_end - pass.block_begin) * items.slices;
    }
    for (GroupQueue& group : groups_) {
      group.expect(static_cast<size_t>(count) / groups_.size() + 1);
    }
    begin_pass();
  }

  /// The end of the last store.
  int64_t run() {
    do {
      while (send()) {
      }
    } while (grant());
    return passes_.end();
  }

 private:
  bool all_sent() const { return next_.pass == plan_.passes.size(); }

  void begin_pass() {
    if (!all_sent()) {
      next_.tile = plan_.passes[next_.pass].tile_begin;
      next_.block = plan_.passes[next_.pass].block_begin;
    }
  }

  void advance() {
    group_ = kNone;
    const Pass& pass = plan_.passes[next_.pass];
    if (++next_.slice < items_.slices) {
      return;
    }
    next_.slice = 0;
    if (++next_.block < pass.block_end) {
      return;
    }
    next_.block = pass.block_begin;
    if (++next_.tile < pass.tile_end) {
      return;
    }
    ++next_.pass;
    begin_pass();
  }

  /// False where that has to wait for a grant, or nothing is left.
  bool send() {
    if (all_sent() || !passes_.has_gate(next_.pass)) {
      return false;
    }
    const int64_t ready = std::max(sent_, passes_.gate(next_.pass));
    if (group_ == kNone && !pick_group(ready)) {
      return false;
    }
    GroupQueue& group = groups_[static_cast<size_t>(group_)];
    if (!group.knows_room()) {
      return false;
    }
    sent_ = std::max(ready, group.room()) + port_.cycles(next_.tile, next_.block, next_.slice);
    group.push({sent_, items_.estimates.empty() ? 0 : items_.estimate_row(next_.block)[next_.tile],
                items_.row(next_.block, next_.slice)[next_.tile], drain_cycles(), next_.pass});
    follow(group_);
    advance();
    return true;
  }

  int64_t drain_cycles() const {
    const auto tile = static_cast<size_t>(next_.tile);
    const auto block = static_cast<size_t>(next_.block * items_.slices + next_.slice);
    const int64_t own = ceil_div(items_.tile_sums[tile] * items_.block_sums[block], parameters_.drain);
    const int64_t bits = kSumBits * items_.tile_group_sums[tile] * items_.block_group_sums[block];
    return std::max(own, ceil_div(bits, parameters_.output_port_bits));
  }

  /// False where that has to wait for a grant.
  bool pick_group(int64_t ready) {
    if (dataflow_.assignment != Assignment::dynamic) {
      const int64_t gp = dataflow_.grouping.positions;
      group_ = (block_part(next_.block, dataflow_) * gp + next_.tile % gp) * items_.slices + next_.slice;
      return true;
    }
    if (*std::min_element(asked_.begin(), asked_.end()) < ready) {
      return false;  // an item may start and finish before the distributor is ready
    }
    size_t fewest = 0;
    for (int64_t number = next_.slice; number < static_cast<int64_t>(groups_.size()); number += items_.slices) {
      const size_t outstanding = groups_[static_cast<size_t>(number)].outstanding(ready);
      if (group_ == kNone || outstanding < fewest) {
        group_ = number;
        fewest = outstanding;
      }
    }
    return true;
  }

  /// What the group does as far as it is known.
  void follow(int64_t number) {
    GroupQueue& group = groups_[static_cast<size_t>(number)];
    const bool waits = free_.size() < groups_.size();
    int64_t& asked = asked_[static_cast<size_t>(number)];
    while (asked == kNever && group.asks()) {
      if (waits && group.drain_cycles() > 0) {
        asked = group.asked();
      } else {
        drain(group, group.asked());
      }
    }
  }

  void drain(GroupQueue& group, int64_t granted) {
    const int64_t drained = granted + group.drain_cycles();
    passes_.drained(group.draining_pass(), drained);
    group.drain(drained);
  }

  /// Gives a way to the item that asked first. False where none asks.
  bool grant() {
    const auto first = std::min_element(asked_.begin(), asked_.end());
    if (*first == kNever) {
      return false;
    }
    const auto number = first - asked_.begin();
    GroupQueue& group = groups_[static_cast<size_t>(number)];
    int64_t& way = *std::min_element(free_.begin(), free_.end());
    const int64_t granted = std::max(*first, way);
    way = granted + group.drain_cycles();
    *first = kNever;
    drain(group, granted);
    follow(number);
    return true;
  }

  static constexpr int64_t kNone = -1;

  const ItemTable& items_;
  const PassPlan& plan_;
  const ItemPort& port_;
  Dataflow dataflow_;
  const ProcessorParameters& parameters_;
  PassClock passes_;
  std::vector<GroupQueue> groups_;
  std::vector<int64_t> asked_;  // of each group: when its next item asks for the output port; never where it does not
  std::vector<int64_t> free_;   // of each way: from when on
  Cursor next_;
  int64_t group_ = kNone;  // of the next item, where it is known
  int64_t sent_ = 0;
};

}  // namespace

PhaseTime run_pipeline(const ItemTable& items, const PassPlan& plan, const ItemPort& port, const Dataflow& dataflow,
                       const ProcessorParameters& parameters) {
  PhaseTime time;
  time.cycles = Pipeline(items, plan, port, dataflow, parameters, true).run();
  time.compute_cycles = Pipeline(items, plan, port, dataflow, parameters, false).run();
  return time;
}

}  // namespace trainer
