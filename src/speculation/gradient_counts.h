#pragma once

#include <cstdint>

namespace trainer {

/// What pruning did with dZ of one layer, in one step or in many.
struct GradientCounts {
  int64_t values = 0;
  int64_t operands = 0;  ///< not zero before
  int64_t dropped = 0;   ///< of those: set to zero
  int64_t kept = 0;      ///< of those: below the threshold and set to +-threshold

  /// Part of the operands that was dropped, 0..1; 0 where there are none.
  double dropped_share() const {
    return operands == 0 ? 0 : static_cast<double>(dropped) / static_cast<double>(operands);
  }

  GradientCounts& operator+=(const GradientCounts& other) {
    values += other.values;
    operands += other.operands;
    dropped += other.dropped;
    kept += other.kept;
    return *this;
  }
  bool operator==(const GradientCounts&) const = default;
};

}  // namespace trainer
