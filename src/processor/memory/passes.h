#pragma once

#include <cstdint>
#include <vector>

#include "processor/dataflow/held_counts.h"
#include "processor/dataflow/partition.h"
#include "processor/dataflow/selection.h"
#include "processor/memory/dram.h"
#include "processor/memory/operand_bits.h"
#include "processor/parameters.h"
#include "tensor/bitmap.h"

namespace trainer {

/// What is on chip at a time: a span of tiles times a span of blocks.
struct Pass {
  int64_t tile_begin = 0;
  int64_t tile_end = 0;
  int64_t block_begin = 0;
  int64_t block_end = 0;
  int64_t load_bytes = 0;
  int64_t store_bytes = 0;
  int64_t stored_values = 0;
  OperandBits loaded;   ///< from DRAM: what load_bytes are made of
  OperandBits on_chip;  ///< written to the buffer for it
};

struct PassPlan {
  std::vector<Pass> passes;  ///< in order
  int64_t load_bytes = 0;
  int64_t store_bytes = 0;
  int64_t stored_values = 0;
  int64_t final_values = 0;   ///< stored for good: all but sums that come back
  int64_t memory_cycles = 0;  ///< of all transfers
  OperandBits loaded;
  OperandBits on_chip;
};

/// What DRAM holds in place of X and dZ where a decoupled BN unit makes them as they are loaded: tensors without zeros.
struct DenseInDram {
  bool X = false;
  bool dZ = false;
};

/// Sizes of a phase's operands, in bits: docs/processor-contract.md, section 5.
class OperandSizes {
 public:
  /// X is not used in BP, dZ not in FF; each may be null there.
  OperandSizes(const PhaseShape& shape, const ProcessorParameters& parameters, const HeldCounts& held, const Bitmap* X,
               const Bitmap* dZ, DenseInDram dense = {});

  int64_t X() const { return X_; }
  int64_t dZ() const { return dZ_; }
  /// What is loaded when the tile span changes: X in FF and WG, dZ in BP.
  int64_t streamed() const { return phase_ == Phase::BP ? dZ_ : X_; }
  /// The most that a tile span loads: with dZ in WG.
  int64_t activations() const { return phase_ == Phase::WG ? X_ + dZ_ : streamed(); }
  int64_t dZ_channel(int64_t k) const { return dZ_channels_[static_cast<size_t>(k)]; }
  /// As DRAM holds them.
  int64_t moved_streamed() const { return phase_ == Phase::BP ? moved_dZ_ : moved_X_; }
  int64_t moved_dZ() const { return moved_dZ_; }
  int64_t moved_dZ_channel(int64_t k) const { return dense_dZ_channel_ > 0 ? dense_dZ_channel_ : dZ_channel(k); }
  /// Of `channels` output channels with `held` held positions: W, or the mask in WG.
  int64_t weights(int64_t channels, int64_t held) const;
  /// Of all weights, or the mask.
  int64_t all_weights() const { return all_weights_; }

 private:
  Phase phase_;
  int64_t value_bits_;
  int64_t columns_;
  bool skip_weights_;
  int64_t X_ = 0;
  int64_t dZ_ = 0;
  int64_t moved_X_ = 0;
  int64_t moved_dZ_ = 0;
  int64_t dense_dZ_channel_ = 0;  // 0 where DRAM holds dZ itself
  int64_t all_weights_ = 0;
  std::vector<int64_t> dZ_channels_;
};

/// Cuts a phase into passes that fit the buffers.
PassPlan plan_passes(const PhaseShape& shape, const Selection& selection, const ProcessorParameters& parameters,
                     const Tiles& tiles, const Blocks& blocks, const HeldCounts& held, const OperandSizes& sizes);

}  // namespace trainer
