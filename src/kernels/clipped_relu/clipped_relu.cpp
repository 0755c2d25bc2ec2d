#include "kernels/clipped_relu/clipped_relu.h"

#include <cassert>
#include <stdexcept>

#include "kernels/clipped_relu/paths.h"

namespace trainer {
namespace {

void feedforward_reference(float ceiling, const Tensor& Y, Tensor& A) {
  for (int64_t i = 0; i < Y.size(); ++i) {
    const float y = Y.data()[i];
    A.data()[i] = y < 0 ? 0 : (y > ceiling ? ceiling : y);  // not min() and max(): a NaN must stay visible
  }
}

void backpropagate_reference(float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY) {
  for (int64_t i = 0; i < A.size(); ++i) {
    const float a = A.data()[i];
    dY.data()[i] = a > 0 && a < ceiling ? dA.data()[i] : 0;
  }
}

}  // namespace

void clipped_relu_feedforward(KernelPath path, float ceiling, const Tensor& Y, Tensor& A) {
  assert(Y.shape() == A.shape());
  switch (path) {
    case KernelPath::reference:
      return feedforward_reference(ceiling, Y, A);
    case KernelPath::highway:
      return clipped_relu::feedforward_highway(ceiling, Y, A);
    case KernelPath::onednn:
      return clipped_relu::feedforward_onednn(ceiling, Y, A);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("clipped_relu_feedforward: choose the kernel path before calling");
}

void clipped_relu_backpropagate(KernelPath path, float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY) {
  assert(A.shape() == dA.shape() && A.shape() == dY.shape());
  switch (path) {
    case KernelPath::reference:
      return backpropagate_reference(ceiling, A, dA, dY);
    case KernelPath::highway:
      return clipped_relu::backpropagate_highway(ceiling, A, dA, dY);
    case KernelPath::onednn:
      return clipped_relu::backpropagate_onednn(ceiling, A, dA, dY);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("clipped_relu_backpropagate: choose the kernel path before calling");
}

}  // namespace trainer
