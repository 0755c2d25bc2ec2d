#pragma once

#include <memory>
#include <span>

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

/// Mean and biased variance of each channel over N, H, W.
struct ChannelMoments {
  std::span<float> mean;
  std::span<float> variance;
};

/// Batch normalisation of one layer: Y = gamma * (Z - mean) / sqrt(variance + epsilon) + beta, per channel.
///
/// Sums are taken once, shifted by `shift` (the running mean), in the decoupled form: backward needs sum(dY) and
/// sum(dY * (Z - shift)) alone and gives dZ = a*dY + b*Z + c per channel (Ioffe & Szegedy 2015, rearranged).
/// Deterministic whatever the number of threads.
///
/// Reference and highway are exact to FP32 rounding for |mean| / std up to 1000, whatever the shift: highway takes the
/// sums again around the mean where the shift was poor. oneDNN takes its sums in FP32 without a shift; there, with
/// 16384 values per channel, tests hold the mean to 0.1 std, the variance to 1% and Y to 0.2.
class BatchNorm {
 public:
  virtual ~BatchNorm() = default;

  /// FF in training: takes the batch's moments, then normalises with them. `shift` is any value near the mean.
  virtual void feedforward(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                           std::span<const float> shift, ChannelMoments moments, Tensor& Y) = 0;
  /// Inference: normalises with given moments.
  virtual void normalise(const Tensor& Z, std::span<const float> gamma, std::span<const float> beta,
                         std::span<const float> mean, std::span<const float> variance, Tensor& Y) = 0;
  /// BP: dZ (overwritten; may be the same memory as dY), dgamma, dbeta, from the moments that feedforward took.
  virtual void backpropagate(const Tensor& dY, const Tensor& Z, std::span<const float> gamma,
                             std::span<const float> mean, std::span<const float> variance, Tensor& dZ,
                             std::span<float> dgamma, std::span<float> dbeta) = 0;
};

/// `path` must not be automatic.
std::unique_ptr<BatchNorm> make_batchnorm(KernelPath path, const Shape& shape, float epsilon);

}  // namespace trainer
