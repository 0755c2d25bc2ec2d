#pragma once

#include <cstdint>
#include <span>

#include "network/parameter.h"
#include "network/precision.h"

namespace trainer {

/// Automatic loss scaling: the gradient of the loss is multiplied by a power of two before BP, so that small gradients
/// stay above the smallest values of a format of 16 or 8 bits, and the gradients of parameters are divided by it after
/// WG.
///
/// The scale starts at 2^16. A step in which a gradient overflowed changes no weight and halves the scale; after 2000
/// steps in a row without one it doubles. (Micikevicius et al., Mixed precision training, 2018; the figures are
/// PyTorch's GradScaler's.) With FP32 the scale is 1 and stays so, and no gradient is looked at.
class LossScale {
 public:
  explicit LossScale(const Precision& precision);

  bool active() const { return active_; }
  float value() const { return value_; }
  /// Divides the gradients of all parameters by the scale. Returns whether all of them were finite.
  bool unscale(std::span<Parameter* const> parameters) const;
  /// What the next step's scale is, after one with or without an overflow. Throws SystemFailure when gradients overflow
  /// at a scale far below 1: the training has diverged.
  void step_done(bool overflowed);

  /// For checkpoints.
  int64_t steps_since_change() const { return steps_since_change_; }
  void restore(float value, int64_t steps_since_change);

 private:
  Precision::Kind precision_;
  bool active_;
  float value_;
  int64_t steps_since_change_ = 0;
};

/// Whether no value is an infinity or a NaN.
bool all_finite(std::span<const float> values);

}  // namespace trainer
