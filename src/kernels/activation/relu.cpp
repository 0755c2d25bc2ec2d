#include "kernels/activation/relu.h"

#include <cassert>
#include <stdexcept>

#include "kernels/activation/relu_paths.h"

namespace trainer {
namespace {

void relu_feedforward_reference(const Tensor& Y, Tensor& A) {
  for (int64_t i = 0; i < Y.size(); ++i) {
    const float y = Y.data()[i];
    A.data()[i] = y < 0 ? 0 : y;  // not max(): a NaN must stay visible
  }
}

void relu_backpropagate_reference(const Tensor& A, const Tensor& dA, Tensor& dY) {
  for (int64_t i = 0; i < A.size(); ++i) {
    dY.data()[i] = A.data()[i] > 0 ? dA.data()[i] : 0;
  }
}

}  // namespace

void relu_feedforward(KernelPath path, const Tensor& Y, Tensor& A) {
  assert(Y.shape() == A.shape());
  switch (path) {
    case KernelPath::reference:
      return relu_feedforward_reference(Y, A);
    case KernelPath::highway:
      return activation::relu_feedforward_highway(Y, A);
    case KernelPath::onednn:
      return activation::relu_feedforward_onednn(Y, A);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("relu_feedforward: choose the kernel path before calling");
}

void relu_backpropagate(KernelPath path, const Tensor& A, const Tensor& dA, Tensor& dY) {
  assert(A.shape() == dA.shape() && A.shape() == dY.shape());
  switch (path) {
    case KernelPath::reference:
      return relu_backpropagate_reference(A, dA, dY);
    case KernelPath::highway:
      return activation::relu_backpropagate_highway(A, dA, dY);
    case KernelPath::onednn:
      return activation::relu_backpropagate_onednn(A, dA, dY);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("relu_backpropagate: choose the kernel path before calling");
}

}  // namespace trainer
