#pragma once

#include <cstdint>

#include "kernels/batchnorm/input_map.h"
#include "kernels/batchnorm/sums.h"
#include "kernels/convolution/terms.h"
#include "kernels/convolution/tiling.h"
#include "tensor/elements.h"

namespace trainer {

/// Copies an input window of some channels to where the tile kernels read it.
///
/// Packed layout: [channel][row plane][column plane][row][column][batch]; a position outside the input is zero.
struct PackJob {
  ConstElements input;       ///< first channel, row 0, column 0, first image of the batch block
  int64_t channel_size = 0;  ///< values from one channel to the next
  int64_t channels = 0;
  int64_t input_rows = 0;
  int64_t input_columns = 0;
  int64_t input_batch = 0;   ///< values from one column to the next
  int64_t column_limit = 0;  ///< columns from here on count as outside; input_columns or less
  int64_t first_row = 0;     ///< input position of the window's origin; may be outside
  int64_t first_column = 0;
  int64_t step = 1;
  const std::vector<int64_t>* row_planes = nullptr;
  const std::vector<int64_t>* column_planes = nullptr;
  int64_t rows = 0;    ///< packed rows that are needed
  int64_t images = 0;  ///< of the batch block; its rest is zero
  int64_t batch = 0;   ///< values from one packed column to the next
  int64_t row_pitch = 0;
  int64_t plane_pitch = 0;
  int64_t channel_pitch = 0;
  Elements packed;
  const InputMap* map = nullptr;  ///< what values, but not the zeros around them, go through; null: nothing
  int64_t map_channel = 0;        ///< the map's entry for the first channel
};

/// Cache lines that a kernel asks for while it computes: what the next window is packed from, and what sums are added
/// to, which lies scattered where no hardware prefetcher finds it.
struct PrefetchList {
  const std::byte* const* begin = nullptr;
  const std::byte* const* end = nullptr;
  int64_t per_output = 0;  ///< lines to ask for beside each output, so that memory is kept evenly busy

  /// Asks for the lines of one output's share and returns where the next output's begin. To the second-level cache: the
  /// first is full of the window at work.
  const std::byte* const* ask_from(const std::byte* const* next) const {
    const std::byte* const* const stop = next + (per_output < end - next ? per_output : end - next);
    for (; next != stop; ++next) {
      __builtin_prefetch(*next, 0, 2);
    }
    return next;
  }
};

/// For each output o: sums[o] (+)= sum over its terms of value * packed[offset ...], on a tile.
struct SumJob {
  const std::byte* packed = nullptr;  ///< in the kernels' format
  int64_t row_pitch = 0;
  PrefetchList prefetch;
  const Term* terms = nullptr;
  const uint32_t* begin = nullptr;  ///< outputs + 1 entries
  int64_t outputs = 0;
  int64_t rows = 0;  ///< of the tile
  int64_t vectors = 0;
  float* sums = nullptr;  ///< [output][row][vector]
  bool first = false;     ///< start from zero
};

/// For each term of output o: sums[term] (+)= dot product of tile o with packed[offset ...].
struct DotJob {
  const std::byte* packed = nullptr;  ///< in the kernels' format
  int64_t row_pitch = 0;
  PrefetchList prefetch;
  const Term* terms = nullptr;
  const uint32_t* begin = nullptr;  ///< outputs + 1 entries
  int64_t outputs = 0;
  int64_t rows = 0;  ///< of the tile
  int64_t vectors = 0;
  const std::byte* tiles = nullptr;  ///< [output][row][vector], likewise
  float* sums = nullptr;             ///< indexed as `terms`
  bool first = false;                ///< overwrite
};

/// Writes the sums of a tile, those of one phase, to the output tensor.
struct UnpackJob {
  const float* sums = nullptr;  ///< [output][row][vector]
  int64_t outputs = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t row_floats = 0;     ///< of one row of sums
  int64_t output_floats = 0;  ///< from one output's sums to the next: there may be more rows than are written
  int64_t images = 0;
  int64_t batch = 0;  ///< floats from one column of sums to the next
  Elements output;    ///< first channel, the tile's first row, column and image
  int64_t channel_size = 0;
  int64_t row_stride = 0;  ///< values from one row of the tile to the next in the output
  int64_t column_stride = 0;
  bool accumulate = false;
  bool past_caches = false;  ///< the output as a whole is too large to be found in a cache later

  /// Of each output channel; null: no sums. What is stored less its channel's shift, and the square of that, is added
  /// to lane_sums, [output][2][lane].
  const float* shift = nullptr;
  float* lane_sums = nullptr;
};

/// The kernels for one instruction set.
struct TileKernels {
  using SumFunction = void (*)(const SumJob& job);
  using DotFunction = void (*)(const DotJob& job);

  VectorUnit unit;
  void (*pack)(const PackJob& job);
  /// Takes each mantissa of a window packed in FP32 as 1.5, in place (kernels/elementwise/exponent_only.h). `count` is
  /// a multiple of the lanes.
  void (*keep_exponents)(int64_t count, float smallest_normal, float* packed);
  void (*unpack)(const UnpackJob& job);
  /// sums[o] = the lanes of lane_sums [output][2][lane], added in order.
  void (*add_lane_sums)(const float* lane_sums, int64_t outputs, batchnorm::Sums* sums);
  /// [rows - 1][vectors - 1]; null where rows * vectors > unit.accumulators.
  SumFunction sum[kMostTileRows][kMostTileVectors];
  DotFunction dot[kMostTileRows][kMostTileVectors];
  /// For tiles of any number of rows and vectors (Tiling::whole_rows); null where there are none.
  SumFunction sum_rows;
  DotFunction dot_rows;
};

/// Those for the best instruction set this CPU has.
const TileKernels& tile_kernels();

}  // namespace trainer
