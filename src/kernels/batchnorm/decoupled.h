#pragma once

#include <span>

#include "kernels/batchnorm/batchnorm.h"
#include "kernels/batchnorm/sums.h"

namespace trainer {

/// The batch's moments from the sums that the convolution before BN took while it wrote Z (sum(z - shift) and
/// sum((z - shift)^2) of each channel): within the rounding that BatchNorm::feedforward's own are exact to. Reads Z
/// only in channels whose shift was more than two standard deviations from the mean.
void take_moments(const Tensor& Z, std::span<const float> shift, std::span<const batchnorm::Sums> sums,
                  ChannelMoments moments);

}  // namespace trainer
