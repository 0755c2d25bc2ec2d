#include "kernels/elementwise/add.h"

#include <cassert>
#include <stdexcept>

#include "kernels/elementwise/add_paths.h"
#include "kernels/elementwise/convert.h"

namespace trainer {
namespace {

void add_reference(const Tensor& A, const Tensor& B, Tensor& Y) {
  for (int64_t i = 0; i < Y.size(); ++i) {
    Y.data()[i] = A.data()[i] + B.data()[i];
  }
}

}  // namespace

void add(KernelPath path, const Tensor& A, const Tensor& B, Tensor& Y) {
  assert(A.shape() == B.shape() && A.shape() == Y.shape());
  if (Y.format() == Format::fp16) {
    return add_halves(A, B, Y);
  }
  switch (path) {
    case KernelPath::reference:
      return add_reference(A, B, Y);
    case KernelPath::highway:
      return elementwise::add_highway(A, B, Y);
    case KernelPath::onednn:
      return elementwise::add_onednn(A, B, Y);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("add: choose the kernel path before calling");
}

}  // namespace trainer
