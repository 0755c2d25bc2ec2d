#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/convolution/geometry.h"
#include "processor/dataflow/dataflow.h"
#include "processor/parameters.h"
#include "processor/phase.h"

namespace trainer {

/// A phase (FF, BP or WG) of a layer as the array sees it: docs/processor-contract.md, sections 1 and 2.
struct PhaseShape {
  PhaseShape(Phase of, const ConvolutionGeometry& geometry);

  Phase phase;
  int64_t outputs;         ///< O: output channels
  int64_t inputs;          ///< I: input channels of one convolution group
  int64_t conv_groups;     ///< g
  int64_t kernel;          ///< R*S
  int64_t positions;       ///< M: N*P*Q
  int64_t output_pixels;   ///< of dX or Z for one output channel and all images
  int64_t drained_pixels;  ///< that a position stands for as sums drain: the stride's square in BP

  int64_t group_outputs() const { return outputs / conv_groups; }
  /// J: columns of an output channel.
  int64_t columns() const { return inputs * kernel; }
};

/// Where slice d of gc begins: floor(d * I / gc).
constexpr int64_t slice_begin(int64_t inputs, int64_t slices, int64_t d) { return d * inputs / slices; }

/// 0, 1, .., n-1, n-1, .., 1, 0, 0, 1, ...: deals a falling list so that the hands are nearly equal.
constexpr int64_t snake(int64_t x, int64_t n) {
  const int64_t j = x % (2 * n);
  return j < n ? j : 2 * n - 1 - j;
}

/// Output channels in blocks: what one group works on at a time.
struct Blocks {
  int64_t width = 0;              ///< A
  std::vector<int64_t> channels;  ///< of all blocks, one after the other
  std::vector<int64_t> begin;     ///< of each block in `channels`, and the end

  int64_t size() const { return static_cast<int64_t>(begin.size()) - 1; }
  std::span<const int64_t> block(int64_t b) const {
    const auto first = static_cast<size_t>(begin[static_cast<size_t>(b)]);
    return std::span(channels).subspan(first, static_cast<size_t>(begin[static_cast<size_t>(b) + 1]) - first);
  }
  /// The block of each output channel.
  std::vector<int64_t> block_of_channel() const;
};

/// `held` is the number of held positions of every output channel (not used in order).
Blocks make_blocks(const PhaseShape& shape, const Dataflow& dataflow, const ProcessorParameters& parameters,
                   std::span<const int64_t> held);

/// The part of gk that block b belongs to (with dynamic assignment: what is predicted alone).
constexpr int64_t block_part(int64_t b, const Dataflow& dataflow) {
  const int64_t parts = dataflow.grouping.output_channels;
  return dataflow.compress == Compress::weight && dataflow.assignment != Assignment::in_order ? snake(b, parts)
                                                                                              : b % parts;
}

/// Places of a tile: T, or T/L where activations are held in FF and BP.
int64_t tile_places(Phase phase, Compress compress, const ProcessorParameters& parameters);

/// The tiles of one phase.
struct Tiles {
  std::vector<int64_t> positions_before;      ///< pos(t), and M at the end
  std::vector<int64_t> most_positions_of_pe;  ///< the PE that has most, `places / P` (rounded up) places each

  int64_t size() const { return static_cast<int64_t>(most_positions_of_pe.size()); }
  int64_t positions(int64_t t) const {
    return positions_before[static_cast<size_t>(t) + 1] - positions_before[static_cast<size_t>(t)];
  }
};
/// `places` is a multiple of 8.
Tiles make_tiles(const ConvolutionGeometry& geometry, int64_t places, int64_t pes_per_group);

}  // namespace trainer
