#include "processor/dataflow/partition.h"

#include <algorithm>
#include <numeric>

#include "processor/integer.h"

namespace trainer {

PhaseShape::PhaseShape(Phase of, const ConvolutionGeometry& geometry)
    : phase(of),
      outputs(of == Phase::BP ? geometry.c : geometry.k),
      inputs((of == Phase::BP ? geometry.k : geometry.c) / geometry.groups),
      conv_groups(geometry.groups),
      kernel(geometry.r * geometry.s),
      positions(geometry.n * geometry.p() * geometry.q()),
      output_pixels(of == Phase::BP ? geometry.n * geometry.h * geometry.w : positions),
      drained_pixels(of == Phase::BP ? geometry.stride * geometry.stride : 1) {}

std::vector<int64_t> Blocks::block_of_channel() const {
  std::vector<int64_t> of(channels.size());
  for (int64_t b = 0; b < size(); ++b) {
    for (const int64_t channel : block(b)) {
      of[static_cast<size_t>(channel)] = b;
    }
  }
  return of;
}

Blocks make_blocks(const PhaseShape& shape, const Dataflow& dataflow, const ProcessorParameters& parameters,
                   std::span<const int64_t> held) {
  const bool weights_held = dataflow.compress == Compress::weight;
  Blocks blocks;
  blocks.width = weights_held ? parameters.pes_per_group : parameters.pes_per_group * parameters.lanes;
  blocks.channels.resize(static_cast<size_t>(shape.outputs));
  std::iota(blocks.channels.begin(), blocks.channels.end(), 0);
  const int64_t group_outputs = shape.group_outputs();
  for (int64_t first = 0; first < shape.outputs; first += group_outputs) {
    if (weights_held && dataflow.assignment != Assignment::in_order) {
      const auto begin = blocks.channels.begin() + first;
      std::stable_sort(begin, begin + group_outputs, [&](int64_t a, int64_t b) {
        return held[static_cast<size_t>(a)] > held[static_cast<size_t>(b)];
      });
    }
    for (int64_t i = 0; i < group_outputs; i += blocks.width) {
      blocks.begin.push_back(first + i);
    }
  }
  blocks.begin.push_back(shape.outputs);
  return blocks;
}

int64_t tile_places(Phase phase, Compress compress, const ProcessorParameters& parameters) {
  return compress == Compress::activation && phase != Phase::WG ? parameters.tile / parameters.lanes : parameters.tile;
}

Tiles make_tiles(const ConvolutionGeometry& geometry, int64_t places, int64_t pes_per_group) {
  const int64_t padded_batch = ceil_div(geometry.n, 8) * 8;
  const int64_t all_places = geometry.p() * geometry.q() * padded_batch;
  const auto positions_below = [&](int64_t place) {
    return place / padded_batch * geometry.n + std::min(place % padded_batch, geometry.n);
  };
  const int64_t pe_places = ceil_div(places, pes_per_group);
  Tiles tiles;
  tiles.positions_before.push_back(0);
  for (int64_t first = 0; first < all_places; first += places) {
    const int64_t last = std::min(first + places, all_places);
    int64_t most = 0;
    for (int64_t at = first; at < last; at += pe_places) {
      most = std::max(most, positions_below(std::min(at + pe_places, last)) - positions_below(at));
    }
    tiles.positions_before.push_back(positions_below(last));
    tiles.most_positions_of_pe.push_back(most);
  }
  return tiles;
}

}  // namespace trainer
