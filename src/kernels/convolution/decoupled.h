#pragma once

#include <span>

#include "kernels/batchnorm/sums.h"
#include "kernels/convolution/convolution.h"

namespace trainer {

/// What the BN after a convolution needs of Z: of each channel, sum(z - shift) and sum((z - shift)^2) over the values
/// as they are stored. FP32 within a few tiles, tiles added in a fixed order in FP64.
struct OutputSums {
  std::span<const float> shift;     ///< any values near the means
  std::span<batchnorm::Sums> sums;  ///< overwritten
};

/// The share of BN's work that a path can do while tensors pass through its convolution. Z has the bits that
/// Convolution::feedforward gives, and sums do not depend on the number of threads.
class DecoupledConvolution {
 public:
  virtual ~DecoupledConvolution() = default;

  /// FF, and the sums of the Z that it writes.
  virtual void feedforward(const Tensor& X, const WeightView& W, Tensor& Z, const OutputSums& sums) = 0;
};

}  // namespace trainer
