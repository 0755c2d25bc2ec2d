#pragma once

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

/// A = max(Y, 0); a NaN stays NaN, but oneDNN makes it 0. `A` may be the same memory as `Y`. `path` must not be
/// automatic.
void relu_feedforward(KernelPath path, const Tensor& Y, Tensor& A);
/// dY = dA where A > 0, else 0 (oneDNN multiplies by 0 there, so a gradient that is not finite gives NaN). `dY` may be
/// the same memory as `dA`.
void relu_backpropagate(KernelPath path, const Tensor& A, const Tensor& dA, Tensor& dY);

}  // namespace trainer
