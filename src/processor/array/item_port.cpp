#include "processor/array/item_port.h"

#include <algorithm>

#include "processor/integer.h"

namespace trainer {

ItemPort::ItemPort(const PhaseShape& shape, const Selection& selection, const ProcessorParameters& parameters,
                   const Tiles& tiles, const Blocks& blocks, const HeldCounts& held, const OperandSizes& sizes,
                   int64_t slices)
    : slices_(slices), port_bits_(parameters.port_bits) {
  const auto slice_inputs = [&](int64_t d) {
    return slice_begin(shape.inputs, slices, d + 1) - slice_begin(shape.inputs, slices, d);
  };
  for (int64_t t = 0; t < tiles.size(); ++t) {
    for (int64_t d = 0; d < slices; ++d) {
      streamed_.push_back(scale_up(sizes.streamed(), tiles.positions(t) * slice_inputs(d),
                                   shape.positions * shape.inputs * shape.conv_groups));
    }
  }
  std::vector<int64_t> widths;
  for (int64_t b = 0; b < blocks.size(); ++b) {
    const auto channels = blocks.block(b);
    int64_t block_held = 0;
    for (const int64_t channel : channels) {
      block_held += held.of_channels()[static_cast<size_t>(channel)];
    }
    const auto width = static_cast<int64_t>(channels.size());
    const int64_t bits = sizes.weights(width, block_held);
    for (int64_t d = 0; d < slices; ++d) {
      weights_.push_back(scale_up(bits, slice_inputs(d), shape.inputs));
    }
    auto known = std::find(widths.begin(), widths.end(), width);
    if (known == widths.end()) {
      known = widths.insert(widths.end(), width);
    }
    width_of_block_.push_back(known - widths.begin());
  }
  widths_ = static_cast<int64_t>(widths.size());
  for (int64_t t = 0; t < tiles.size(); ++t) {
    const int64_t positions = tiles.positions(t);
    for (const int64_t width : widths) {
      int64_t bits = 0;
      if (shape.phase == Phase::WG) {
        bits = scale_up(sizes.dZ(), positions * width, shape.positions * shape.outputs);
      } else if (selection.reads_shortcut) {
        bits = parameters.value_bits() * positions * width;
      } else if (selection.masked) {
        bits = scale_up(shape.output_pixels, positions * width, shape.positions);
      }
      outputs_.push_back(bits);
    }
  }
}

}  // namespace trainer
