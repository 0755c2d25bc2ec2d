#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "processor/array/held_weights.h"
#include "processor/dataflow/partition.h"

namespace trainer {

/// Held positions of every output channel of a phase, slice by slice of its input channels: what the controller knows
/// of the weights.
class HeldCounts {
 public:
  /// Of 1, 2, 4, .. `finest` slices; `finest` is a power of two.
  HeldCounts(const PhaseShape& shape, const HeldWeights& held, int64_t finest);

  /// Of output channel `channel` in slice d of `slices`, a power of two of at most `finest`.
  int64_t at(int64_t channel, int64_t slices, int64_t d) const {
    const auto level = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(slices)));
    return levels_[level][static_cast<size_t>(channel * slices + d)];
  }
  /// Of every output channel.
  const std::vector<int64_t>& of_channels() const { return levels_.front(); }
  int64_t total() const { return total_; }

 private:
  std::vector<std::vector<int64_t>> levels_;  // by log2 of the slices: [channel][slice]
  int64_t total_;
};

}  // namespace trainer
