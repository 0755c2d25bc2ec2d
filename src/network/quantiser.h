#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "network/precision.h"
#include "tensor/scaled_format.h"
#include "tensor/tensor.h"

namespace trainer {

/// Rounds the activations and gradients of an FP8 network where they leave their layers, each tensor with a scale of
/// its own: a power of two, from the largest magnitudes that the tensor had in the last kHistory steps before this one
/// ("delayed scaling", Micikevicius et al., FP8 formats for deep learning, 2022). Larger values saturate. A tensor of
/// which nothing but zeros was seen takes its scale from its present values.
class Quantiser {
 public:
  static constexpr size_t kHistory = 16;  // steps

  Quantiser(const Precision& precision, size_t nodes);

  void round_images(const Tensor& images, bool training, Tensor& rounded);
  /// What node number `node` made, in place. In training, its magnitude counts for coming steps.
  void round_output(size_t node, bool training, Tensor& output);
  /// The gradient of node `node`'s output, as often in a step as something is added to it.
  void round_gradient(size_t node, Tensor& gradient);
  /// What the last step's images (-1) or a node's output were rounded to.
  ScaledFormat format_of_output(int node) const {
    return {precision_.forward, scales_[static_cast<size_t>(int64_t{1} + node)].exponent};
  }
  /// Whether a gradient of this step was infinite, NaN or larger than any scale reaches (2^100): saturation alone would
  /// hide that from the loss scale.
  bool overflowed() const { return overflowed_; }
  /// Ends a step of training. What was seen in it counts from now on, unless it `overflowed`: then it is forgotten.
  void step_done(bool overflowed);

  /// For checkpoints: kHistory magnitudes for each tensor, the last step first, 0 where there were fewer steps.
  std::span<const float> history() const { return history_; }
  /// Of the same length.
  void restore(std::span<const float> history);

 private:
  struct Scale {
    float delayed = 0;  ///< largest magnitude in the history
    float present = 0;  ///< in this step so far
    int exponent = 0;   ///< ScaledFormat::scale of the last rounding
  };
  /// Returns the largest magnitude among `from`.
  float round(size_t tensor, const FloatFormat& format, bool record, std::span<const float> from, std::span<float> to);

  Precision precision_;
  size_t nodes_;
  std::vector<Scale> scales_;  // images, outputs, gradients
  std::vector<float> history_;
  bool overflowed_ = false;
};

}  // namespace trainer
