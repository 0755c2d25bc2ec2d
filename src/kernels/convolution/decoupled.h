#pragma once

#include <span>

#include "kernels/batchnorm/input_map.h"
#include "kernels/batchnorm/sums.h"
#include "kernels/convolution/convolution.h"

namespace trainer {

/// What the BN after a convolution needs of Z: of each channel, sum(z - shift) and sum((z - shift)^2) over the values
/// as they are stored. FP32 within a few tiles, tiles added in a fixed order in FP64.
struct OutputSums {
  std::span<const float> shift;     ///< any values near the means
  std::span<batchnorm::Sums> sums;  ///< overwritten
};

/// The share of BN's work that a path can do while tensors pass through its convolution: the map of the BN before it
/// where it reads X, the sums of the BN after it where it writes Z. Results have the bits that Convolution gives where
/// X has been mapped before, padding staying zero; sums do not depend on the number of threads.
class DecoupledConvolution {
 public:
  virtual ~DecoupledConvolution() = default;

  /// FF of X, or of what `map` makes of it, and the sums of the Z that it writes; map and sums may be null.
  virtual void feedforward(const Tensor& X, const InputMap* map, const WeightView& W, Tensor& Z,
                           const OutputSums* sums) = 0;
  /// WG, of what `map` makes of X.
  virtual void weight_gradient(const Tensor& dZ, const Tensor& X, const InputMap& map,
                               const std::shared_ptr<const Pattern>& pattern, std::span<float> dW) = 0;
};

}  // namespace trainer
