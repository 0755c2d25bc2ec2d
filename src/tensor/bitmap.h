#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/aligned.h"
#include "tensor/tensor.h"

namespace trainer {

/// One bit per value of a Tensor: 1 where it is non-zero. -0.0 is zero; NaN, infinities and subnormals are non-zero.
///
/// Stored [C][H + 2*halo][stride][ceil((W + 2*halo) / stride)][ceil(N/8) bytes]: the batch innermost as in Tensor,
/// padded to whole bytes with zeros, a halo of zeros around each channel, and the columns of a row sorted by
/// (column mod stride). What a kernel position sees of one output row (pixels x, x + stride, x + 2*stride, ...) is then
/// one contiguous run of bytes, and moving the kernel is a constant byte offset. 64 bytes past the end may be read.
class Bitmap {
 public:
  Bitmap() = default;

  /// Packs `tensor` on all threads; keeps the memory of an earlier assign() where it suffices.
  /// halo >= 0, stride >= 1.
  void assign(const Tensor& tensor, int64_t halo, int64_t stride);
  /// Without halo, of a tensor of this shape: 1 where `bits` has 0. `bits` has `words_per_channel` words for each
  /// channel; the values of a channel, in Tensor's order, are their bits from the lowest of the first word up.
  void assign_complement(const Shape& shape, std::span<const uint64_t> bits, int64_t words_per_channel);

  const Shape& shape() const { return shape_; }
  int64_t halo() const { return halo_; }
  int64_t stride() const { return stride_; }
  /// Bytes of one pixel: ceil(N/8).
  int64_t batch_bytes() const { return batch_bytes_; }

  /// The pixel (y, x) of channel c, -halo <= y < H + halo, -halo <= x < W + halo; the pixels x + stride,
  /// x + 2*stride, ... of the row follow it. Bit i of byte b is image 8*b + i.
  const uint8_t* window(int64_t c, int64_t y, int64_t x) const {
    const int64_t column = x + halo_;
    return bytes_.data() +
           (((c * rows_ + y + halo_) * stride_ + column % stride_) * columns_ + column / stride_) * batch_bytes_;
  }
  bool bit(int64_t n, int64_t c, int64_t y, int64_t x) const { return ((window(c, y, x)[n / 8] >> (n % 8)) & 1) != 0; }

  /// Non-zero values of every channel.
  std::span<const int64_t> channel_nonzeros() const { return channel_nonzeros_; }
  /// Non-zero values of channels begin .. end-1.
  int64_t nonzeros(int64_t begin, int64_t end) const;
  int64_t nonzeros() const { return nonzeros(0, shape_.c); }

 private:
  void set_layout(const Shape& shape, int64_t halo, int64_t stride);

  Shape shape_;
  int64_t halo_ = 0;
  int64_t stride_ = 1;
  int64_t batch_bytes_ = 0;
  int64_t rows_ = 0;     // H + 2*halo
  int64_t columns_ = 0;  // of one stride phase
  AlignedVector<uint8_t> bytes_;
  std::vector<int64_t> channel_nonzeros_;
};

}  // namespace trainer
