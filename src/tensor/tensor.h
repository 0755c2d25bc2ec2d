#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tensor/elements.h"
#include "tensor/shape.h"

namespace trainer {

/// An activation or gradient, FP32 unless it says otherwise, logical N x C x H x W, stored [C][H][W][N].
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
  explicit Tensor(Shape shape, Format format = Format::fp32);
  /// A view of `memory` (kAlignment-aligned, shape.size() values), which must outlive it.
  Tensor(Shape shape, float* memory);
  Tensor(Shape shape, Elements memory);

  const Shape& shape() const { return shape_; }
  int64_t size() const { return shape_.size(); }
  int64_t bytes() const { return size() * bytes_of(format_); }
  Format format() const { return format_; }
  bool empty() const { return data_ == nullptr; }

  /// For code that knows both formats.
  Elements elements() { return {data_, format_}; }
  ConstElements elements() const { return {data_, format_}; }

  // All below is for FP32 tensors alone.

  float* data() { return floats(); }
  const float* data() const { return floats(); }
  std::span<float> values() { return {floats(), static_cast<size_t>(size())}; }
  std::span<const float> values() const { return {floats(), static_cast<size_t>(size())}; }

  /// First value of channel c: H*W*N values follow.
  float* channel(int64_t c) { return floats() + c * shape_.channel_size(); }
  const float* channel(int64_t c) const { return floats() + c * shape_.channel_size(); }

  int64_t index(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return ((c * shape_.h + h) * shape_.w + w) * shape_.n + n;
  }
  float& at(int64_t n, int64_t c, int64_t h, int64_t w) { return floats()[index(n, c, h, w)]; }
  float at(int64_t n, int64_t c, int64_t h, int64_t w) const { return floats()[index(n, c, h, w)]; }

  /// The same values seen with another shape of equal size and equal n.
  Tensor reshaped(Shape shape) const;
  Tensor clone() const;
  void fill(float value);

 private:
  float* floats() const {
    assert(format_ == Format::fp32);
    return reinterpret_cast<float*>(data_);
  }

  Shape shape_;
  Format format_ = Format::fp32;
  std::shared_ptr<std::byte> storage_;  // null for a view
  std::byte* data_ = nullptr;
};

}  // namespace trainer
