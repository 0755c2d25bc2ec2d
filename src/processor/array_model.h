#pragma once

#include <cstdint>
#include <vector>

#include "processor/held_weights.h"
#include "processor/parameters.h"
#include "processor/tile_counts.h"
#include "processor/tile_grid.h"
#include "tensor/bitmap.h"

namespace trainer {

/// A tensor's bitmap and a number that changes whenever its content does.
struct BitmapView {
  const Bitmap& bits;
  int64_t serial;
};

/// What the array did in one phase of one layer.
struct ArrayWork {
  int64_t visits = 0;
  int64_t macs = 0;            ///< effectual
  int64_t cycles = 0;          ///< of the array: sum over rounds of the slowest PE
  int64_t active_cycles = 0;   ///< summed over PEs
  int64_t outside_macs = 0;    ///< BP: held pairs whose dX lies in the padding, where those are skipped
  int64_t channel_blocks = 0;  ///< blocks of up to P output channels, over all convolution groups
};

/// Counts what one processor's array does for one layer: docs/processor-contract.md, sections 3 to 5.
///
/// Exact, not sampled: every (held weight, tile) visit is accounted for, through population counts of the same
/// bitmaps that the hardware would use. Not thread-safe; uses parallel_for inside.
class ArrayModel {
 public:
  /// Throws UsageError for a layer too large to count in 32 bits per tile.
  ArrayModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters);

  const TileGrid& grid() const { return grid_; }

  /// X as Bitmap::assign(X, padding, stride) packs it; dZ as Bitmap::assign(dZ, 0, 1).
  ArrayWork feedforward(const HeldWeights& W, const BitmapView& X);
  ArrayWork backpropagation(const HeldWeights& W, const Bitmap& dZ);
  ArrayWork weight_gradient(const HeldWeights& positions, const BitmapView& X, const Bitmap& dZ);

 private:
  void count_windows(const BitmapView& X);
  void weight_gradient_sparse_channels(const HeldWeights& positions, const Bitmap& X, const Bitmap& dZ,
                                       const std::vector<uint8_t>& full);
  /// The held columns of row k whose input channel is one of begin .. end-1 (of all C).
  std::span<const uint32_t> row_of_channels(const HeldWeights& W, int64_t k, int64_t begin, int64_t end) const;
  /// cycles_[channel] = held[channel] * cycles of a visit that issues every position of a tile.
  void visit_everything(const std::vector<int64_t>& held);
  void clear_channels(int64_t channels);
  ArrayWork finish(int64_t channels, int64_t visits) const;

  uint32_t* channel_row(int64_t channel) { return cycles_.data() + channel * grid_.row_size(); }
  const uint32_t* channel_row(int64_t channel) const { return cycles_.data() + channel * grid_.row_size(); }

  TileGrid grid_;
  TileRows rows_;
  int64_t pes_;
  int64_t groups_;
  bool skip_input_zeros_;

  std::vector<uint32_t> column_channel_;   // of a weight's column: c within the convolution group
  std::vector<uint32_t> column_position_;  // and r*S + s

  int64_t window_serial_ = -1;             // of the X that window_* were made from
  AlignedVector<uint32_t> window_cycles_;  // [C*R*S][tiles]: cycles of one visit
  std::vector<int64_t> window_macs_;       // [C*R*S]

  AlignedVector<uint32_t> cycles_;  // [output channel][tiles]: cycles of the PE that takes it
  std::vector<int64_t> macs_;       // [output channel]
};

}  // namespace trainer
