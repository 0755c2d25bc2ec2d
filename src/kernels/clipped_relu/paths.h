#pragma once

#include "tensor/tensor.h"

/// The implementations behind clipped_relu_feedforward() and clipped_relu_backpropagate().
namespace trainer::clipped_relu {

void feedforward_highway(float ceiling, const Tensor& Y, Tensor& A);
void backpropagate_highway(float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY);

void feedforward_onednn(float ceiling, const Tensor& Y, Tensor& A);
void backpropagate_onednn(float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY);

}  // namespace trainer::clipped_relu
