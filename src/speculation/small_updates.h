#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "network/parameter.h"
#include "tensor/aligned.h"
#include "tensor/format.h"

namespace trainer {

/// Leaves out updates of weights (not of biases, gamma and beta) that are below half a unit in the last place of the
/// weight in a format: added to a weight stored in it, they would be rounded away. What an optimiser keeps, such as
/// momentum, goes on as if the update had been made.
class SmallUpdates {
 public:
  struct Counts {
    int64_t updates = 0;   ///< that are not zero
    int64_t left_out = 0;  ///< of those
  };

  explicit SmallUpdates(Format format) : format_(format) {}

  /// Right before the optimiser's step.
  void remember(std::span<Parameter* const> parameters);
  /// Right after it, with the same parameters and patterns: gives weights whose update is left out their value back.
  Counts leave_out(std::span<Parameter* const> parameters) const;

 private:
  Format format_;
  std::vector<AlignedVector<float>> before_;  // of each parameter; empty for those that are no weights
};

/// Half a unit in the last place of `value` in a format: FP32 2^(e-24), FP16 2^(e-11) with e = floor(log2 |value|), in
/// the subnormal range that of the smallest normal value.
float half_unit(float value, Format format);

}  // namespace trainer
