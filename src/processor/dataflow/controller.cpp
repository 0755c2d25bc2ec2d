#include "processor/dataflow/controller.h"

#include <algorithm>
#include <bit>

#include "processor/integer.h"

namespace trainer {

Controller::Controller(const PhaseFacts& facts, const ProcessorParameters& parameters, const Tiles& whole_tiles,
                       const Tiles& small_tiles)
    : facts_(facts), parameters_(parameters), whole_tiles_(whole_tiles), small_tiles_(small_tiles) {}

const Tiles& Controller::tiles(const Dataflow& dataflow) const {
  return dataflow.compress == Compress::activation && facts_.shape.phase != Phase::WG ? small_tiles_ : whole_tiles_;
}

Controller::Entry& Controller::entry(const Dataflow& dataflow) {
  // Where activations are held, blocks and passes do not depend on the assignment.
  const bool balanced = dataflow.compress == Compress::weight && dataflow.assignment != Assignment::in_order;
  const Assignment assignment = balanced ? Assignment::balanced : Assignment::in_order;
  for (const std::unique_ptr<Entry>& known : entries_) {
    if (known->compress == dataflow.compress && known->assignment == assignment) {
      return *known;
    }
  }
  auto made = std::make_unique<Entry>();
  made->compress = dataflow.compress;
  made->assignment = assignment;
  made->arrangement.blocks = make_blocks(facts_.shape, dataflow, parameters_, facts_.held.of_channels());
  made->arrangement.plan = plan_passes(facts_.shape, facts_.selection, parameters_, tiles(dataflow),
                                       made->arrangement.blocks, facts_.held, facts_.sizes);
  made->items.resize(static_cast<size_t>(std::bit_width(static_cast<uint64_t>(parameters_.groups))));
  entries_.push_back(std::move(made));
  return *entries_.back();
}

const Arrangement& Controller::arrangement(const Dataflow& dataflow) { return entry(dataflow).arrangement; }

int64_t Controller::weight_item(int64_t most_held, int64_t y) const {
  const int64_t L = parameters_.lanes;
  int64_t visit_times_2L = 2 * L * ceil_div(y, L);
  if (parameters_.skip_input_zeros || facts_.selection.any()) {
    int64_t wanted = parameters_.skip_input_zeros ? scale_up(y, facts_.nonzeros, facts_.size) : y;
    if (facts_.selection.speculated) {
      wanted = scale_up(wanted, facts_.wanted_outputs, facts_.outputs);
    } else if (facts_.selection.masked) {
      wanted = scale_up(wanted, facts_.rectified_nonzeros, facts_.rectified_size);
    } else if (facts_.shape.phase == Phase::WG) {
      wanted = scale_up(wanted, facts_.gradient_nonzeros, facts_.gradient_size);
    }
    visit_times_2L = std::max(2 * L, 2 * wanted + L - 1);
  }
  return ceil_div(most_held * visit_times_2L, 2 * L);
}

int64_t Controller::weight_estimate(int64_t most_held, int64_t y) const {
  const int64_t lanes = parameters_.speculation_lanes;
  const int64_t visit_times_2L = parameters_.skip_input_zeros
                                     ? std::max(2 * lanes, 2 * scale_up(y, facts_.nonzeros, facts_.size) + lanes - 1)
                                     : 2 * lanes * ceil_div(y, lanes);
  return ceil_div(most_held * visit_times_2L, 2 * lanes);
}

int64_t Controller::activation_item(int64_t held, int64_t slice_inputs, int64_t y, int64_t lanes) const {
  const int64_t P = parameters_.pes_per_group;
  const int64_t columns = slice_inputs * facts_.shape.kernel;
  const int64_t visit_cycles = std::min(held, ceil_div(2 * held + (lanes - 1) * columns, 2 * lanes));
  const int64_t nonzeros = parameters_.skip_input_zeros ? facts_.nonzeros : 1;
  const int64_t size = parameters_.skip_input_zeros ? facts_.size : 1;
  if (facts_.shape.phase != Phase::WG) {
    return scale_up(visit_cycles * ceil_div(y, P), nonzeros, size);
  }
  return slice_inputs == 0 ? 0 : scale_up(visit_cycles * ceil_div(slice_inputs, P) * y, nonzeros, slice_inputs * size);
}

int64_t Controller::port(int64_t width, int64_t block_held, int64_t slice_inputs, int64_t tiles, int64_t y) const {
  const PhaseShape& shape = facts_.shape;
  int64_t bits = scale_up(facts_.sizes.streamed(), slice_inputs, tiles * shape.inputs * shape.conv_groups) +
                 scale_up(facts_.sizes.weights(width, block_held), slice_inputs, shape.inputs);
  if (shape.phase == Phase::WG) {
    bits += scale_up(facts_.sizes.dZ(), width, tiles * shape.outputs);
  } else if (facts_.selection.reads_shortcut) {
    bits += parameters_.value_bits() * y * width;
  } else if (facts_.selection.masked) {
    bits += scale_up(shape.output_pixels, width, tiles);
  }
  return std::max<int64_t>(1, ceil_div(bits, parameters_.port_bits));
}

int64_t Controller::drain(int64_t sums, int64_t group_sums) const {
  return std::max(ceil_div(sums, parameters_.drain), ceil_div(kSumBits * group_sums, parameters_.output_port_bits));
}

Controller::PredictedItems Controller::predict_items(const Dataflow& dataflow, const Blocks& blocks) const {
  const PhaseShape& shape = facts_.shape;
  const int64_t slices = dataflow.grouping.input_channels;
  const int64_t P = parameters_.pes_per_group;
  const int64_t tile_count = tiles(dataflow).size();
  const int64_t y = ceil_div(shape.positions, tile_count);
  const bool wg = shape.phase == Phase::WG;
  PredictedItems items;
  for (int64_t b = 0; b < blocks.size(); ++b) {
    const auto channels = blocks.block(b);
    const int64_t width = static_cast<int64_t>(channels.size());
    int64_t block_held = 0;
    for (const int64_t channel : channels) {
      block_held += facts_.held.of_channels()[static_cast<size_t>(channel)];
    }
    for (int64_t d = 0; d < slices; ++d) {
      int64_t held = 0;
      int64_t most = 0;
      for (const int64_t channel : channels) {
        const int64_t count = facts_.held.at(channel, slices, d);
        held += count;
        most = std::max(most, count);
      }
      const int64_t inputs = slice_begin(shape.inputs, slices, d + 1) - slice_begin(shape.inputs, slices, d);
      const bool weights_held = dataflow.compress == Compress::weight;
      int64_t pe = 0;
      int64_t sums = 0;
      if (weights_held) {
        pe = weight_item(most, y);
        sums = wg ? most : y * shape.drained_pixels;
      } else {
        pe = activation_item(held, inputs, y, parameters_.lanes);
        sums = wg ? ceil_div(held, P) : ceil_div(y, P) * width * shape.drained_pixels;
      }
      const int64_t drained = drain(sums, wg ? held : y * width * shape.drained_pixels);
      int64_t cycles = std::max(pe, drained);
      if (facts_.selection.speculated) {
        const int64_t lanes = parameters_.speculation_lanes;
        const int64_t estimate = weights_held ? weight_estimate(most, y) : activation_item(held, inputs, y, lanes);
        cycles = std::max(cycles, estimate + ceil_div(sums, lanes));
      }
      items.cycles.push_back(cycles);
      items.drains.push_back(drained);
      items.ports.push_back(port(width, block_held, inputs, tile_count, y));
    }
  }
  return items;
}

int64_t Controller::predict_pass(const Dataflow& dataflow, const PredictedItems& items, const Pass& pass) {
  const Grouping& grouping = dataflow.grouping;
  const int64_t slices = grouping.input_channels;
  const int64_t tile_count = pass.tile_end - pass.tile_begin;
  const bool dynamic = dataflow.assignment == Assignment::dynamic;
  // In order and balanced, a group has the items of its output-channel part, position part and slice: its share of the
  // tiles times its items of one tile. The largest is the largest share times the largest sum.
  const int64_t parts = dynamic ? 1 : grouping.output_channels;
  of_tile_.assign(static_cast<size_t>(parts * slices), 0);
  int64_t ports = 0;
  int64_t drains = 0;
  int64_t longest = 0;
  for (int64_t block = pass.block_begin; block < pass.block_end; ++block) {
    for (int64_t d = 0; d < slices; ++d) {
      const auto at = static_cast<size_t>(block * slices + d);
      const int64_t part = dynamic ? 0 : block_part(block, dataflow);
      of_tile_[static_cast<size_t>(part * slices + d)] += items.cycles[at];
      longest = std::max(longest, items.cycles[at]);
      ports += items.ports[at];
      drains += items.drains[at];
    }
  }
  const int64_t most = *std::max_element(of_tile_.begin(), of_tile_.end());
  const int64_t work = dynamic ? std::max(longest, ceil_div(tile_count * most, grouping.product() / slices))
                               : ceil_div(tile_count, grouping.positions) * most;
  return std::max({work, tile_count * ports, ceil_div(tile_count * drains, parameters_.drain_ways())});
}

Prediction Controller::predict(const Dataflow& dataflow) {
  Entry& known = entry(dataflow);
  const auto level = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(dataflow.grouping.input_channels)));
  PredictedItems& items = known.items[level];
  if (items.cycles.empty()) {
    items = predict_items(dataflow, known.arrangement.blocks);
  }
  Prediction prediction;
  prediction.memory_cycles = known.arrangement.plan.memory_cycles;
  const Pass* before = nullptr;
  int64_t cycles = 0;
  for (const Pass& pass : known.arrangement.plan.passes) {
    const bool alike = before != nullptr && before->block_begin == pass.block_begin &&
                       before->tile_end - before->tile_begin == pass.tile_end - pass.tile_begin;
    if (!alike) {
      cycles = predict_pass(dataflow, items, pass);
    }
    prediction.compute_cycles += cycles;
    before = &pass;
  }
  return prediction;
}

Choice Controller::choose(const std::vector<Dataflow>& candidates) {
  Choice best;
  bool first = true;
  for (const Dataflow& dataflow : candidates) {
    const Prediction prediction = predict(dataflow);
    const bool better =
        first || prediction.cycles() < best.prediction.cycles() ||
        (prediction.cycles() == best.prediction.cycles() && prediction.compute_cycles < best.prediction.compute_cycles);
    if (better) {
      best = {dataflow, prediction};
      first = false;
    }
  }
  return best;
}

}  // namespace trainer
