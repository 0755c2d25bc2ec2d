#pragma once

#include "tensor/tensor.h"

namespace trainer {

/// Stores the values of one tensor in the format of another of the same shape: to nearest even.
void convert(const Tensor& from, Tensor& to);

/// Y = A + B in FP32, stored in the format of all three. Y may be A or B.
void add_halves(const Tensor& A, const Tensor& B, Tensor& Y);

}  // namespace trainer
