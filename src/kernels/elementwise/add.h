#pragma once

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

/// Y = A + B, all of one shape; Y may be the same memory as either. `path` must not be automatic.
void add(KernelPath path, const Tensor& A, const Tensor& B, Tensor& Y);

}  // namespace trainer
