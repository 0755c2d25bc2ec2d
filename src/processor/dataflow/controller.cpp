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
  const Assignment assignment = dataflow.compress == Compress::weight ? dataflow.assignment : Assignment::in_order;
  for (const std::unique_ptr<Entry>& known : entries_) {
    if (known->compress == dataflow.compress && known->assignment == assignment) {
      return *known;
    }
  }
  auto made = std::make_unique<Entry>();
  made->compress = dataflow.compress;
  made->assignment = assignment;
  made->arrangement.blocks = make_blocks(facts_.shape, dataflow, parameters_, facts_.held.of_channels());
  made->arrangement.plan =
      plan_passes(facts_.shape, parameters_, tiles(dataflow), made->arrangement.blocks, facts_.held, facts_.sizes);
  made->item_cycles.resize(static_cast<size_t>(std::bit_width(static_cast<uint64_t>(parameters_.groups))));
  entries_.push_back(std::move(made));
  return *entries_.back();
}

const Arrangement& Controller::arrangement(const Dataflow& dataflow) { return entry(dataflow).arrangement; }

int64_t Controller::weight_item(int64_t most_held, int64_t y) const {
  const int64_t L = parameters_.lanes;
  int64_t visit_times_2L = 2 * L * ceil_div(y, L);
  if (parameters_.skip_input_zeros) {
    int64_t wanted = scale_up(y, facts_.nonzeros, facts_.size);
    if (facts_.shape.phase == Phase::WG) {
      wanted = scale_up(wanted, facts_.gradient_nonzeros, facts_.gradient_size);
    }
    visit_times_2L = std::max(2 * L, 2 * wanted + L - 1);
  }
  return ceil_div(most_held * visit_times_2L, 2 * L);
}

int64_t Controller::activation_item(int64_t held, int64_t slice_inputs, int64_t y) const {
  const int64_t L = parameters_.lanes;
  const int64_t P = parameters_.pes_per_group;
  const int64_t columns = slice_inputs * facts_.shape.kernel;
  const int64_t visit_cycles = std::min(held, ceil_div(2 * held + (L - 1) * columns, 2 * L));
  const int64_t nonzeros = parameters_.skip_input_zeros ? facts_.nonzeros : 1;
  const int64_t size = parameters_.skip_input_zeros ? facts_.size : 1;
  if (facts_.shape.phase != Phase::WG) {
    return scale_up(visit_cycles * ceil_div(y, P), nonzeros, size);
  }
  return slice_inputs == 0 ? 0 : scale_up(visit_cycles * ceil_div(slice_inputs, P) * y, nonzeros, slice_inputs * size);
}

std::vector<int64_t> Controller::predict_items(const Dataflow& dataflow, const Blocks& blocks) const {
  const PhaseShape& shape = facts_.shape;
  const int64_t slices = dataflow.grouping.input_channels;
  const int64_t y = ceil_div(shape.positions, tiles(dataflow).size());
  const int64_t pixels_each = shape.phase == Phase::BP ? facts_.geometry.stride * facts_.geometry.stride : 1;
  const bool wg = shape.phase == Phase::WG;
  std::vector<int64_t> cycles;
  for (int64_t b = 0; b < blocks.size(); ++b) {
    const auto channels = blocks.block(b);
    const int64_t width = static_cast<int64_t>(channels.size());
    for (int64_t d = 0; d < slices; ++d) {
      int64_t held = 0;
      int64_t most = 0;
      for (const int64_t channel : channels) {
        const int64_t count = facts_.held.at(channel, slices, d);
        held += count;
        most = std::max(most, count);
      }
      int64_t pe = 0;
      int64_t sums = 0;
      if (dataflow.compress == Compress::weight) {
        pe = weight_item(most, y);
        sums = wg ? most : y * pixels_each;
      } else {
        const int64_t inputs = slice_begin(shape.inputs, slices, d + 1) - slice_begin(shape.inputs, slices, d);
        pe = activation_item(held, inputs, y);
        sums = wg ? ceil_div(held, parameters_.pes_per_group)
                  : ceil_div(y, parameters_.pes_per_group) * width * pixels_each;
      }
      cycles.push_back(std::max(pe, ceil_div(sums, parameters_.drain)));
    }
  }
  return cycles;
}

Prediction Controller::predict(const Dataflow& dataflow) {
  Entry& known = entry(dataflow);
  const Grouping& grouping = dataflow.grouping;
  const int64_t slices = grouping.input_channels;
  std::vector<int64_t>& items = known.item_cycles[static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(slices)))];
  if (items.empty()) {
    items = predict_items(dataflow, known.arrangement.blocks);
  }
  Prediction prediction;
  prediction.memory_cycles = known.arrangement.plan.memory_cycles;
  // A group has the items of its output-channel part, position part and slice: in a pass, its share of the tiles times
  // its items of one tile. The largest is the largest share times the largest sum.
  std::vector<int64_t> tile_cycles(static_cast<size_t>(grouping.output_channels * slices));  // [part][slice]
  int64_t most = 0;
  int64_t block_begin = -1;
  for (const Pass& pass : known.arrangement.plan.passes) {
    if (pass.block_begin != block_begin) {
      block_begin = pass.block_begin;
      std::fill(tile_cycles.begin(), tile_cycles.end(), 0);
      for (int64_t block = pass.block_begin; block < pass.block_end; ++block) {
        for (int64_t d = 0; d < slices; ++d) {
          tile_cycles[static_cast<size_t>(block_part(block, dataflow) * slices + d)] +=
              items[static_cast<size_t>(block * slices + d)];
        }
      }
      most = *std::max_element(tile_cycles.begin(), tile_cycles.end());
    }
    prediction.compute_cycles += ceil_div(pass.tile_end - pass.tile_begin, grouping.positions) * most;
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
