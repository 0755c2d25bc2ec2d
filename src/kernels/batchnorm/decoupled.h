#pragma once

#include <span>

#include "kernels/batchnorm/batchnorm.h"
#include "kernels/batchnorm/input_map.h"
#include "kernels/batchnorm/sums.h"

namespace trainer {

/// The batch's moments from the sums that the convolution before BN took while it wrote Z (sum(z - shift) and
/// sum((z - shift)^2) of each channel): within the rounding that BatchNorm::feedforward's own are exact to. Reads Z
/// only in channels whose shift was more than two standard deviations from the mean.
void take_moments(const Tensor& Z, std::span<const float> shift, std::span<const batchnorm::Sums> sums,
                  ChannelMoments moments);
/// The same where nobody took sums: as BatchNorm::feedforward() takes them.
void take_moments(const Tensor& Z, std::span<const float> shift, ChannelMoments moments);

/// The scales of an InputMap: gamma / sqrt(variance + epsilon).
void take_scales(std::span<const float> gamma, std::span<const float> variance, float epsilon, std::span<float> scales);

/// A = what `map` makes of Z: the bits of BN's own passes. Both have one format.
void apply_map(const InputMap& map, const Tensor& Z, Tensor& A);

}  // namespace trainer
