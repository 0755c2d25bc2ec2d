#pragma once

#include <optional>
#include <span>

#include "kernels/batchnorm/batchnorm.h"

namespace trainer {

/// Where a clipped ReLU cuts: 6 for ReLU6; nowhere for ReLU.
using Ceiling = std::optional<float>;

/// Batch normalisation together with what follows it in a residual network, in BN's own passes:
/// A = min(max(Y + shortcut, 0), ceiling), shortcut (null) and ceiling being optional.
///
/// Bit for bit what the highway paths of BatchNorm, add() and ReLU (or clipped ReLU) give one after the other, so a
/// step may mix both. No memory is read or written between them: FF reads Z (and the shortcut) and writes A. Tensors of
/// one call have one format; in FP16 only what is stored is rounded, not what would have been between the layers.
class RectifiedBatchNorm {
 public:
  RectifiedBatchNorm(const Shape& shape, float epsilon);

  /// FF in training: takes the batch's moments, then normalises with them. `shift` is any value near the mean. `A` may
  /// be the memory of the shortcut.
  void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                   std::span<const float> shift, ChannelMoments moments, const Tensor* shortcut, Ceiling ceiling,
                   Tensor& A) const;
  /// Inference: normalises with given moments.
  void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                 std::span<const float> mean, std::span<const float> variance, const Tensor* shortcut, Ceiling ceiling,
                 Tensor& A) const;

  /// BP where there was no shortcut: dZ (may be the memory of dA), dgamma, dbeta. Whether ReLU passed a value on is
  /// worked out from Z again: A is not read.
  void backpropagate(const Tensor& dA, const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                     std::span<const float> mean, std::span<const float> variance, Ceiling ceiling, Tensor& dZ,
                     std::span<float> dgamma, std::span<float> dbeta) const;
  /// BP where there was one, or where A was changed: as above, but ReLU passed on what is above 0 (and below the
  /// ceiling) in A. Leaves dA there, the shortcut's gradient, in `dA`, unless that is the memory of `dZ`.
  void backpropagate_with_shortcut(Tensor& dA, const Tensor& A, const Tensor& Z, std::span<const float> gamma,
                                   std::span<const float> mean, std::span<const float> variance, Ceiling ceiling,
                                   Tensor& dZ, std::span<float> dgamma, std::span<float> dbeta) const;

 private:
  bool fits(const Tensor& tensor) const { return tensor.shape() == shape_; }

  Shape shape_;
  double epsilon_;
};

}  // namespace trainer
