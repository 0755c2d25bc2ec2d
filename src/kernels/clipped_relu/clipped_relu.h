#pragma once

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

/// A = min(max(Y, 0), ceiling), `ceiling` above 0: ReLU6 for 6. A NaN stays NaN, but oneDNN makes it a number. `A` may
/// be the same memory as `Y`. `path` must not be automatic.
void clipped_relu_feedforward(KernelPath path, float ceiling, const Tensor& Y, Tensor& A);
/// dY = dA where 0 < A < ceiling, else 0, as PyTorch (oneDNN multiplies by 0 there, so a gradient that is not finite
/// gives NaN). `dY` may be the same memory as `dA`.
void clipped_relu_backpropagate(KernelPath path, float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY);

}  // namespace trainer
