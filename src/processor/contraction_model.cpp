#include "processor/contraction_model.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>

namespace trainer {
namespace {

constexpr int64_t kValueBits = 16;
constexpr int64_t kSumBits = 32;

int64_t bytes(int64_t bits) { return (bits + 7) / 8; }

void check_conservation(const PhaseCounts& counts, std::string_view phase, const ConvolutionGeometry& geometry) {
  const int64_t parts =
      counts.effectual_macs + counts.skipped_by_input + counts.skipped_by_weight + counts.skipped_by_output;
  if (parts != counts.dense_macs || counts.effectual_macs < 0 || counts.skipped_by_input < 0 ||
      counts.skipped_by_weight < 0 || counts.skipped_by_output < 0) {
    throw std::logic_error(fmt::format(
        "{} of {}x{}x{}x{}: {} dense MACs, but {} effectual + {} skipped by input + {} by weight + {} by output", phase,
        geometry.n, geometry.c, geometry.h, geometry.w, counts.dense_macs, counts.effectual_macs,
        counts.skipped_by_input, counts.skipped_by_weight, counts.skipped_by_output));
  }
}

}  // namespace

ContractionModel::ContractionModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters)
    : parameters_(parameters), array_(geometry, parameters) {}

void ContractionModel::hold_weights(const WeightView& W) {
  if (parameters_.skip_weight_zeros) {
    held_.hold_nonzero(W);
  } else {
    held_.hold_all(W.pattern->rows(), W.pattern->columns());
  }
}

int64_t ContractionModel::tensor_bits(const Bitmap& bitmap) const {
  const int64_t size = bitmap.shape().size();
  return parameters_.skip_input_zeros ? kValueBits * bitmap.nonzeros() + size : kValueBits * size;
}

int64_t ContractionModel::weight_bits() const {
  const int64_t size = geometry().weight_rows() * geometry().weight_columns();
  return parameters_.skip_weight_zeros ? kValueBits * held_.size() + size : kValueBits * size;
}

PhaseCounts ContractionModel::counts_of(const ArrayWork& work, bool lockstep) const {
  PhaseCounts counts;
  counts.dense_macs = geometry().dense_macs();
  counts.effectual_macs = work.macs;
  counts.cycles = work.cycles;
  EventCounts& events = counts.events;
  events[Event::mac] = work.macs;
  events[Event::cycle] = work.cycles;
  events[Event::lane_active] = work.active_cycles * parameters_.lanes;
  events[Event::lane_idle] = work.cycles * parameters_.array_lanes() - events[Event::lane_active];
  if (!lockstep) {
    events[Event::operand_read] = work.macs;
  }
  return counts;
}

PhaseCounts ContractionModel::feedforward(const WeightView& W, const BitmapView& X) {
  hold_weights(W);
  const ConvolutionGeometry& g = geometry();
  const bool skip_input = parameters_.skip_input_zeros;
  const bool lockstep = !skip_input && !parameters_.skip_weight_zeros;
  const ArrayWork work = array_.feedforward(held_, X);
  PhaseCounts counts = counts_of(work, lockstep);
  const int64_t held_macs = held_.size() * array_.grid().total_positions();
  counts.skipped_by_weight = counts.dense_macs - held_macs;
  counts.skipped_by_input = held_macs - work.macs;
  check_conservation(counts, "FF", g);

  EventCounts& events = counts.events;
  const int64_t tiles = array_.grid().tiles();
  if (lockstep) {
    events[Event::operand_read] = work.channel_blocks * g.weight_columns() * array_.grid().total_positions();
  }
  if (skip_input) {
    events[Event::bitmap_scan] = work.visits * parameters_.tile;
    events[Event::bitmap_read] = work.channel_blocks * tiles * (g.c / g.groups) * parameters_.tile;
  }
  events[Event::accumulate] = work.macs;
  events[Event::buffer_read] = work.channel_blocks / g.groups * tensor_bits(X.bits) + tiles * weight_bits();
  events[Event::buffer_write] = kValueBits * g.output().size();
  events[Event::dram_read] = bytes(tensor_bits(X.bits)) + bytes(weight_bits());
  events[Event::dram_write] = bytes(kValueBits * g.output().size());
  return counts;
}

PhaseCounts ContractionModel::backpropagation(const WeightView& W, const Bitmap& dZ) {
  hold_weights(W);
  const ConvolutionGeometry& g = geometry();
  const bool skip_input = parameters_.skip_input_zeros;
  const bool lockstep = !skip_input && !parameters_.skip_weight_zeros;
  const ArrayWork work = array_.backpropagation(held_, dZ);
  PhaseCounts counts = counts_of(work, lockstep);
  const int64_t held_macs = held_.size() * array_.grid().total_positions();
  counts.skipped_by_weight = counts.dense_macs - held_macs;
  counts.skipped_by_output = work.outside_macs;
  counts.skipped_by_input = held_macs - work.outside_macs - work.macs;
  check_conservation(counts, "BP", g);

  EventCounts& events = counts.events;
  const int64_t tiles = array_.grid().tiles();
  const int64_t channels = g.k / g.groups;
  if (lockstep) {
    events[Event::operand_read] = work.channel_blocks * channels * g.r * g.s * array_.grid().total_positions();
  }
  if (skip_input) {
    events[Event::bitmap_scan] = work.visits * parameters_.tile;
    events[Event::bitmap_read] = work.channel_blocks * tiles * channels * parameters_.tile;
  }
  events[Event::accumulate] = work.macs;
  events[Event::buffer_read] = work.channel_blocks / g.groups * tensor_bits(dZ) + tiles * weight_bits();
  events[Event::buffer_write] = kValueBits * g.input().size();
  events[Event::dram_read] = bytes(tensor_bits(dZ)) + bytes(weight_bits());
  events[Event::dram_write] = bytes(kValueBits * g.input().size());
  return counts;
}

PhaseCounts ContractionModel::weight_gradient(const WeightView& W, const BitmapView& X, const Bitmap& dZ) {
  const ConvolutionGeometry& g = geometry();
  const int64_t size = g.weight_rows() * g.weight_columns();
  const bool skip_input = parameters_.skip_input_zeros;
  const bool skip_pruned = parameters_.skip_pruned_gradients;
  if (skip_pruned) {
    held_.hold_unpruned(*W.pattern);
  } else {
    held_.hold_all(g.weight_rows(), g.weight_columns());
  }
  const bool lockstep = !skip_input && !skip_pruned;
  const ArrayWork work = array_.weight_gradient(held_, X, dZ);
  PhaseCounts counts = counts_of(work, lockstep);
  const int64_t held_macs = held_.size() * array_.grid().total_positions();
  counts.skipped_by_output = counts.dense_macs - held_macs;
  counts.skipped_by_input = held_macs - work.macs;
  check_conservation(counts, "WG", g);

  EventCounts& events = counts.events;
  const int64_t tiles = array_.grid().tiles();
  if (lockstep) {
    events[Event::operand_read] = work.channel_blocks * g.weight_columns() * array_.grid().total_positions();
  }
  events[Event::operand_read] += work.macs;  // dZ: every PE has its own channel of it
  if (skip_input) {
    events[Event::bitmap_scan] = 2 * work.visits * parameters_.tile;
    events[Event::bitmap_read] = (work.channel_blocks * (g.c / g.groups) + g.k) * tiles * parameters_.tile;
  }
  const int64_t mask_bits = skip_pruned ? size : 0;
  events[Event::accumulate] = work.visits;
  events[Event::buffer_read] = work.channel_blocks / g.groups * tensor_bits(X.bits) + tensor_bits(dZ) +
                               tiles * mask_bits + kSumBits * work.visits;
  events[Event::buffer_write] = kSumBits * work.visits;
  events[Event::dram_read] = bytes(tensor_bits(X.bits)) + bytes(tensor_bits(dZ)) + bytes(mask_bits);
  events[Event::dram_write] = bytes(kValueBits * held_.size());
  return counts;
}

}  // namespace trainer
