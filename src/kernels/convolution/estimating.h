#pragma once

#include <limits>
#include <memory>

#include "kernels/convolution/convolution.h"

namespace trainer {

/// The smallest normal magnitudes of the formats that two operands have values of, whatever tensors hold them: FP32's,
/// binary16's (2^-14), those of an FP8 format times its tensor's scale.
struct SmallestNormals {
  float X = std::numeric_limits<float>::min();
  float W = std::numeric_limits<float>::min();
};

/// FF from signs and exponents alone. Not thread-safe, as Convolution.
class EstimatingConvolution {
 public:
  virtual ~EstimatingConvolution() = default;

  /// Zhat = X * W with every factor's mantissa taken as 1.5, and 0 for subnormal ones: bit for bit what FF of copies by
  /// exponent_only() (kernels/elementwise/exponent_only.h) gives on the highway path.
  virtual void estimate(const Tensor& X, const WeightView& W, const SmallestNormals& smallest, Tensor& Zhat) = 0;
  /// FF too, from the same look at X: the bits of Convolution::feedforward() in Z, those of estimate() in Zhat.
  virtual void feedforward_with_estimate(const Tensor& X, const WeightView& W, const SmallestNormals& smallest,
                                         Tensor& Z, Tensor& Zhat) = 0;
};

std::unique_ptr<EstimatingConvolution> make_estimating_convolution(
    const ConvolutionGeometry& geometry, std::shared_ptr<Workspace> workspace = std::make_shared<Workspace>());

}  // namespace trainer
