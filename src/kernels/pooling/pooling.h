#pragma once

#include <memory>

#include "kernels/path.h"
#include "tensor/tensor.h"

namespace trainer {

enum class PoolingKind { maximum, average };

/// Pooling of N x C x H x W to N x C x P x Q. The average counts padding as values (PyTorch's default) and padding
/// never wins the maximum. Global average pooling is a window of the whole image.
struct PoolingGeometry {
  PoolingKind kind = PoolingKind::maximum;
  Shape input;
  int64_t window_h = 2;
  int64_t window_w = 2;
  int64_t stride = 2;
  int64_t padding = 0;

  int64_t p() const { return (input.h + 2 * padding - window_h) / stride + 1; }
  int64_t q() const { return (input.w + 2 * padding - window_w) / stride + 1; }
  Shape output() const { return {input.n, input.c, p(), q()}; }
};

class Pooling {
 public:
  virtual ~Pooling() = default;
  /// Remembers each maximum's place for backpropagate (the first in row-major order where several are equal).
  virtual void feedforward(const Tensor& X, Tensor& Y) = 0;
  /// dX is overwritten.
  virtual void backpropagate(const Tensor& dY, Tensor& dX) = 0;
};

/// `path` must not be automatic. Throws UsageError for a window that does not fit, for padding as large as the window,
/// and for a maximum over more than 65536 values. On every path the first of equal maxima in row-major order wins. A
/// NaN is the maximum of its window, but oneDNN skips NaN, and its maximum of -infinities alone is the lowest finite
/// number, whose gradient is dropped.
std::unique_ptr<Pooling> make_pooling(KernelPath path, const PoolingGeometry& geometry);

}  // namespace trainer
