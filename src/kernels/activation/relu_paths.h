#pragma once

#include "tensor/tensor.h"

/// The implementations behind relu_feedforward() and relu_backpropagate().
namespace trainer::activation {

void relu_feedforward_highway(const Tensor& Y, Tensor& A);
void relu_backpropagate_highway(const Tensor& A, const Tensor& dA, Tensor& dY);

void relu_feedforward_onednn(const Tensor& Y, Tensor& A);
void relu_backpropagate_onednn(const Tensor& A, const Tensor& dA, Tensor& dY);

}  // namespace trainer::activation
