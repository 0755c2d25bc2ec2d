#pragma once

#include <span>

#include "tensor/half.h"
#include "tensor/tensor.h"

namespace trainer {

/// Stores the values of one tensor in the format of another of the same shape: to nearest even.
void convert(const Tensor& from, Tensor& to);
/// The same for values outside of tensors; both of one size.
void convert(std::span<const float> from, std::span<Half> to);

/// Y = A + B in FP32, stored in the format of all three. Y may be A or B.
void add_halves(const Tensor& A, const Tensor& B, Tensor& Y);

}  // namespace trainer
