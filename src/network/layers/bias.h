#pragma once

#include <span>

#include "tensor/tensor.h"

namespace trainer {

/// Z[:, k] += bias[k].
void add_bias(std::span<const float> bias, Tensor& Z);
/// dbias[k] = sum of dZ[:, k], summed in double precision; overwritten.
void bias_gradient(const Tensor& dZ, std::span<float> dbias);

}  // namespace trainer
