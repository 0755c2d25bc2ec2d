#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "tensor/shape.h"

namespace trainer {

/// An FP32 activation or gradient, logical N x C x H x W, stored [C][H][W][N].
///
/// With the batch innermost, moving a kernel by one column is a constant offset of N values, vectors run along the
/// batch (or along W*N where the batch is small), a channel is one contiguous run (what BN reduces over), and
/// flattening C x H x W into features moves nothing.
///
/// Copies share the memory; clone() does not.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled.
  explicit Tensor(Shape shape);
  /// A view of `memory` (kAlignment-aligned, shape.size() values), which must outlive it.
  Tensor(Shape shape, float* memory);

  const Shape& shape() const { return shape_; }
  int64_t size() const { return shape_.size(); }
  bool empty() const { return data_ == nullptr; }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::span<float> values() { return {data_, static_cast<size_t>(size())}; }
  std::span<const float> values() const { return {data_, static_cast<size_t>(size())}; }

  /// First value of channel c: H*W*N values follow.
  float* channel(int64_t c) { return data_ + c * shape_.channel_size(); }
  const float* channel(int64_t c) const { return data_ + c * shape_.channel_size(); }

  int64_t index(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return ((c * shape_.h + h) * shape_.w + w) * shape_.n + n;
  }
  float& at(int64_t n, int64_t c, int64_t h, int64_t w) { return data_[index(n, c, h, w)]; }
  float at(int64_t n, int64_t c, int64_t h, int64_t w) const { return data_[index(n, c, h, w)]; }

  /// The same values seen with another shape of equal size and equal n.
  Tensor reshaped(Shape shape) const;
  Tensor clone() const;
  void fill(float value);

 private:
  Shape shape_;
  std::shared_ptr<float> storage_;  // null for a view
  float* data_ = nullptr;
};

}  // namespace trainer
