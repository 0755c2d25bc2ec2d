#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "processor/array/held_weights.h"
#include "processor/array/layer_counts.h"
#include "processor/dataflow/held_counts.h"
#include "processor/dataflow/partition.h"
#include "processor/parameters.h"

namespace trainer {

/// MACs of a phase, in any dataflow.
struct PhaseMacs {
  int64_t effectual = 0;
  int64_t met = 0;      ///< what would be effectual if every output were wanted
  int64_t outside = 0;  ///< skipped for their output, of held pairs: in the padding (BP), or unwanted
};

/// Cycles of every output channel with its weights held by one PE: [channel][slice][grid.row_size()].
struct ChannelTable {
  int64_t slices = 1;
  int64_t row_size = 0;
  AlignedVector<uint32_t> cycles;
  PhaseMacs macs;

  uint32_t* row(int64_t channel, int64_t slice) { return cycles.data() + (channel * slices + slice) * row_size; }
  const uint32_t* row(int64_t channel, int64_t slice) const {
    return cycles.data() + (channel * slices + slice) * row_size;
  }
};

/// Counts the visits of held weights: docs/processor-contract.md, section 3, WC.
///
/// Exact, not sampled: every (held weight, tile) visit is accounted for, through population counts of the same
/// bitmaps that the hardware would use. A table is valid until the next call. Not thread-safe; uses parallel_for
/// inside.
class WeightCompressedArray {
 public:
  /// Throws UsageError for a layer too large to count in 32 bits per tile.
  WeightCompressedArray(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
                        std::shared_ptr<LayerCounts> counts);

  const ChannelTable& feedforward(const HeldWeights& W, const BitmapView& X, int64_t slices);
  const ChannelTable& backpropagation(const HeldWeights& W, const BitmapView& dZ, int64_t slices);
  const ChannelTable& weight_gradient(const HeldWeights& positions, const BitmapView& X, const BitmapView& dZ,
                                      int64_t slices);

  /// FF of which the outputs not set in `wanted` (as Bitmap::assign(Z, 0, 1)) are unwanted.
  const ChannelTable& speculated_feedforward(const HeldWeights& W, const BitmapView& X, const Bitmap& wanted,
                                             int64_t slices);
  /// BP of which dX is unwanted where X is zero.
  const ChannelTable& masked_backpropagation(const HeldWeights& W, const BitmapView& X, const BitmapView& dZ,
                                             int64_t slices);

  /// The MACs alone.
  PhaseMacs macs(Phase phase, const HeldWeights& W, const BitmapView* X, const BitmapView* dZ);

 private:
  void reset(int64_t channels, int64_t slices);
  void visit_everything(Phase phase, const HeldWeights& W);
  /// Adds the visits of some output channels of FF, by the zeros of X.
  void visit_windows(const HeldWeights& W, const BitmapView& X, const std::vector<int64_t>& channels);
  int64_t channel_macs(const HeldWeights& W, const VisitTable& windows, int64_t k) const;
  PhaseMacs feedforward_macs(const HeldWeights& W, const BitmapView& X);
  PhaseMacs backpropagation_macs(const HeldWeights& W, const BitmapView& dZ);
  void count_pairs(const HeldWeights& positions, const Bitmap& X, const Bitmap& dZ, const std::vector<int64_t>& sparse);
  /// Visits that want positions where X and `other` (dZ in WG, wanted outputs in FF) are both not zero.
  void visit_pairs(const HeldWeights& positions, const BitmapView& X, const Bitmap& other, int64_t slices);
  /// Interleaved words of some channels, one row after the other.
  AlignedVector<uint32_t> gradient_rows(const Bitmap& dZ, const std::vector<int64_t>& channels) const;
  void visit_wanted(const HeldWeights& W, const Bitmap& wanted);
  void visit_masked_pairs(const HeldWeights& W, const BitmapView& X, const BitmapView& dZ);
  void visit_rectified(const HeldWeights& W, const BitmapView& X);
  /// The held columns of row k whose input channel is one of begin .. end-1 (of all C).
  std::span<const uint32_t> row_of_channels(const HeldWeights& W, int64_t k, int64_t begin, int64_t end) const;

  const ProcessorParameters& parameters_;
  std::shared_ptr<LayerCounts> counts_;
  const TileGrid& grid_;
  std::vector<uint32_t> column_channel_;   // of a weight's column: c within the convolution group
  std::vector<uint32_t> column_position_;  // and r*S + s
  ChannelTable table_;
};

}  // namespace trainer
