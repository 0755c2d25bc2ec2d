#pragma once

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

/// Y = A + B, all of one shape; Y may be the same memory as either. FP16 tensors (all three) are
/// added in FP32 and rounded, by the same code on every path. `path` must not be automatic.
void add(KernelPath path, const Tensor& A, const Tensor& B, Tensor& Y);

}  // namespace trainer
