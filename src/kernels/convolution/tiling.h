#pragma once

#include <cstdint>

#include "kernels/convolution/axis.h"
#include "tensor/format.h"

namespace trainer {

/// What the vector unit offers to a tile kernel.
struct VectorUnit {
  int64_t lanes = 1;             ///< packed values in one vector
  int64_t accumulators = 1;      ///< vectors a tile may hold in registers
  Format values = Format::fp32;  ///< of packed values
  double sum_cycles = 1.5;       ///< to load and store the sums of one vector
  int64_t chunk = INT64_MAX;     ///< terms after which sums are loaded and stored at the latest
};

/// Largest tile kernels that exist.
inline constexpr int64_t kMostTileRows = 6;
inline constexpr int64_t kMostTileVectors = 8;

/// How one pass is cut: tiles of rows x columns output positions by a block of the batch, and blocks of input channels
/// whose packed window stays in the first-level cache while all output channels pass over it.
///
/// Within the packed window, and within a tile, a position holds `batch` consecutive values. A tile row is
/// columns*batch values, rounded up to whole vectors; where batch is not a multiple of the lanes, vectors run across
/// columns.
///
/// Where a window has a single input channel for a single output channel (depthwise convolutions), few sums are to be
/// had of what is packed, and tiles span whole rows: more than registers hold, of a window that the second-level cache
/// does.
struct Tiling {
  int64_t rows = 1;
  int64_t columns = 1;
  int64_t batch = 1;
  int64_t channels = 1;  ///< input channels of a block
  bool whole_rows = false;

  int64_t lanes = 1;
  int64_t row_pitch = 0;      ///< values from one packed row to the next
  int64_t plane_rows = 0;     ///< packed rows of one plane
  int64_t plane_pitch = 0;    ///< values of one plane
  int64_t channel_pitch = 0;  ///< values of one channel's packed window: all planes

  /// Vectors in a row of a tile that has `tile_columns` columns.
  int64_t vectors(int64_t tile_columns) const { return (tile_columns * batch + lanes - 1) / lanes; }
  /// Offset of a tap of a channel within its packed block.
  int64_t offset(int64_t channel, const ConvolutionPass& pass, const Tap& row, const Tap& column) const {
    const auto column_planes = static_cast<int64_t>(pass.columns.planes.size());
    return channel * channel_pitch + (row.plane * column_planes + column.plane) * plane_pitch + row.offset * row_pitch +
           column.offset * batch;
  }
};

/// The cheapest tiling of a pass by an estimate of its cycles (see tiling.cpp). Depends on nothing but its arguments,
/// so results do not change with the number of threads.
Tiling choose_tiling(const ConvolutionPass& pass, int64_t batch, int64_t input_channels, int64_t output_channels,
                     const VectorUnit& unit);

/// That of whole rows.
Tiling choose_tiling_of_whole_rows(const ConvolutionPass& pass, int64_t batch, const VectorUnit& unit);

}  // namespace trainer
