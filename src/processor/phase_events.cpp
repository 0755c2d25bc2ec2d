#include "processor/phase_events.h"

#include "processor/integer.h"

namespace trainer {
namespace {

constexpr int64_t kWordBits = 16;

bool holds_compressed(const PhaseRecord& record) {
  return record.shape.phase == Phase::WG ? record.parameters.skip_pruned_gradients
                                         : record.parameters.skip_weight_zeros;
}

/// Whether all PEs of a group want the same values in the same cycles.
bool in_lockstep(const PhaseRecord& record) {
  const bool same_positions =
      record.shape.phase != Phase::WG || !record.parameters.skip_input_zeros || record.dZ_is_full;
  return same_positions && !record.selection.any() && record.held == record.shape.outputs * record.shape.columns();
}

/// How often a visit's bits are scanned: the estimator's visits are the array's.
int64_t scans(const PhaseRecord& record) { return record.selection.speculated ? 2 : 1; }

/// The bitmap of wanted outputs, read once for each output channel and tile: a bit for each of its places.
int64_t wanted_bits(const PhaseRecord& record) {
  const int64_t places = tile_places(record.shape.phase, record.dataflow.compress, record.parameters);
  return record.items.slices * record.shape.outputs * record.tiles() * places;
}

void count_weight_compressed(const PhaseRecord& record, PhaseCounts& counts) {
  const bool wg = record.shape.phase == Phase::WG;
  const int64_t T = record.parameters.tile;
  const int64_t blocks = record.arrangement.blocks.size();
  EventCounts& events = counts.events;
  if (record.parameters.skip_input_zeros) {
    events[Event::bitmap_scan] = (scans(record) + (wg ? 1 : 0)) * record.items.visits * T;
    events[Event::bitmap_read] = blocks * record.tiles() * record.shape.inputs * T;
    if (wg) {
      events[Event::bitmap_read] += record.items.slices * record.geometry.k * record.tiles() * T;
    }
  }
  if (record.selection.any()) {
    events[Event::bitmap_scan] += record.items.visits * T;
    events[Event::bitmap_read] += wanted_bits(record);
  }
  int64_t values = counts.effectual_macs;
  if (in_lockstep(record)) {  // a block reads what one of its channels does
    const int64_t groups = record.shape.conv_groups;
    values = values / (record.shape.outputs / groups) * (blocks / groups);
  }
  if (wg) {
    values += counts.effectual_macs;  // dZ: every PE has its own channel of it
  }
  events[Event::operand_read] = ceil_div(record.parameters.value_bits() * values, kWordBits);
  events[Event::accumulate] = wg ? record.items.visits : counts.effectual_macs;
}

void count_activation_compressed(const PhaseRecord& record, PhaseCounts& counts) {
  const bool gates = record.shape.phase == Phase::WG && record.parameters.skip_input_zeros;
  const int64_t scanned = record.items.visits * record.arrangement.blocks.width;
  EventCounts& events = counts.events;
  if (holds_compressed(record)) {
    events[Event::bitmap_scan] += scans(record) * scanned;
    events[Event::bitmap_read] += record.tiles() * record.shape.outputs * record.shape.columns();
  }
  if (gates) {
    events[Event::bitmap_scan] += scanned;
    events[Event::bitmap_read] += record.items.slices * record.geometry.k * record.tiles() * record.parameters.tile;
  }
  if (record.selection.any()) {
    events[Event::bitmap_scan] += scanned;
    events[Event::bitmap_read] += wanted_bits(record);
  }
  events[Event::operand_read] = ceil_div(record.parameters.value_bits() * counts.effectual_macs, kWordBits);
  events[Event::accumulate] = counts.effectual_macs;
}

}  // namespace

int64_t PhaseRecord::outputs() const { return shape.phase == Phase::WG ? held : shape.outputs * shape.output_pixels; }

int64_t PhaseRecord::sums() const { return outputs() * (shape.phase == Phase::WG ? tiles() : items.slices); }

void count_events(const PhaseRecord& record, PhaseCounts& counts) {
  const ProcessorParameters& parameters = record.parameters;
  const PassPlan& plan = record.arrangement.plan;
  const OperandSizes& sizes = record.sizes;
  const int64_t blocks = record.arrangement.blocks.size();
  EventCounts& events = counts.events;
  events[parameters.value_bits() == 8 ? Event::mac_fp8 : Event::mac] = counts.effectual_macs;
  events[Event::cycle] = counts.cycles;
  events[Event::lane_active] = record.items.active_cycles * parameters.lanes;
  events[Event::lane_idle] = counts.cycles * parameters.array_lanes() - events[Event::lane_active];
  events[Event::dispatch] = record.tiles() * blocks * record.items.slices;
  if (record.dataflow.compress == Compress::weight) {
    count_weight_compressed(record, counts);
  } else {
    count_activation_compressed(record, counts);
  }

  const int64_t added = record.sums() - record.outputs();
  events[Event::reduce] = added;
  if (record.selection.speculated) {
    events[Event::estimate] = record.met;
    events[Event::exponent_read] = record.met;
    events[Event::predict] = record.outputs();
  }
  if (record.pruned) {
    events[Event::prune] = record.geometry.output().size();
  }
  events[Event::activation_read] = blocks / record.shape.conv_groups * sizes.streamed();
  if (record.shape.phase == Phase::WG) {
    events[Event::activation_read] += record.items.slices * sizes.dZ();
  }
  if (record.selection.reads_shortcut) {
    events[Event::activation_read] += parameters.value_bits() * record.outputs();
  }
  if (record.selection.masked) {
    events[Event::activation_read] += record.items.slices * record.outputs();
  }
  const OperandBits& on_chip = plan.on_chip;
  events[Event::activation_write] = on_chip.X + on_chip.dZ + on_chip.shortcut + on_chip.bitmap;
  events[Event::weight_read] = record.tiles() * sizes.all_weights();
  events[Event::weight_write] = on_chip.W;
  events[Event::output_read] = kSumBits * (added + plan.stored_values);
  events[Event::output_write] = kSumBits * record.sums() + on_chip.sums;
  events[Event::dram_read] = plan.load_bytes;
  events[Event::dram_write] = plan.store_bytes;
}

}  // namespace trainer
