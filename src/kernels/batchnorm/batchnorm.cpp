#include "kernels/batchnorm/batchnorm.h"

#include <stdexcept>

#include "kernels/batchnorm/implementations.h"

namespace trainer {

std::unique_ptr<BatchNorm> make_batchnorm(KernelPath path, const Shape& shape, float epsilon) {
  switch (path) {
    case KernelPath::reference:
      return batchnorm::make_reference(shape, epsilon);
    case KernelPath::highway:
      return batchnorm::make_highway(shape, epsilon);
    case KernelPath::onednn:
      return batchnorm::make_onednn(shape, epsilon);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("make_batchnorm: choose the kernel path before calling");
}

}  // namespace trainer
