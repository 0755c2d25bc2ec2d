#pragma once

#include "tensor/tensor.h"

/// The implementations behind add().
namespace trainer::elementwise {

void add_highway(const Tensor& A, const Tensor& B, Tensor& Y);
void add_onednn(const Tensor& A, const Tensor& B, Tensor& Y);

}  // namespace trainer::elementwise
