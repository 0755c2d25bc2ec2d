#include "tensor/bitmap.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

#include "base/parallel.h"
#include "tensor/bitmap_pack.h"

namespace trainer {
namespace {

constexpr int64_t kSlackBytes = 64;
// Values that one piece of work packs at least: enough to outweigh handing it out.
constexpr int64_t kGrainValues = 65536;

}  // namespace

void Bitmap::set_layout(const Shape& shape, int64_t halo, int64_t stride) {
  assert(halo >= 0 && stride >= 1);
  if (!(shape == shape_ && halo == halo_ && stride == stride_)) {
    shape_ = shape;
    halo_ = halo;
    stride_ = stride;
    batch_bytes_ = (shape_.n + 7) / 8;
    rows_ = shape_.h + 2 * halo;
    columns_ = (shape_.w + 2 * halo + stride - 1) / stride;
    // The halo and the ends of rows are written here only: pixels are overwritten by every assign.
    bytes_.assign(static_cast<size_t>(shape_.c * rows_ * stride * columns_ * batch_bytes_ + kSlackBytes), 0);
    channel_nonzeros_.assign(static_cast<size_t>(shape_.c), 0);
  }
}

void Bitmap::assign(const Tensor& tensor, int64_t halo, int64_t stride) {
  set_layout(tensor.shape(), halo, stride);
  const size_t batch = static_cast<size_t>(shape_.n);
  const bool whole_rows = stride == 1 && shape_.n % 8 == 0;
  const int64_t run_pixels = whole_rows ? shape_.w : 1;
  const auto pack_channel = [&](int64_t c) {
    size_t nonzeros = 0;
    for (int64_t y = 0; y < shape_.h; ++y) {
      for (int64_t x = 0; x < shape_.w; x += run_pixels) {
        const float* values = tensor.data() + tensor.index(0, c, y, x);
        nonzeros += pack_nonzeros(values, batch * static_cast<size_t>(run_pixels),
                                  bytes_.data() + (window(c, y, x) - bytes_.data()));
      }
    }
    channel_nonzeros_[static_cast<size_t>(c)] = static_cast<int64_t>(nonzeros);
  };
  const int64_t grain = std::max<int64_t>(1, kGrainValues / std::max<int64_t>(1, shape_.channel_size()));
  parallel_for(shape_.c, grain, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      pack_channel(c);
    }
  });
}

void Bitmap::assign_complement(const Shape& shape, std::span<const uint64_t> bits, int64_t words_per_channel) {
  set_layout(shape, 0, 1);
  const auto assign_channel = [&](int64_t c) {
    const uint64_t* words = bits.data() + c * words_per_channel;
    uint8_t* bytes = bytes_.data() + (window(c, 0, 0) - bytes_.data());
    const auto clear = [words](int64_t i) { return ((words[i / 64] >> (i % 64)) & 1) == 0; };
    int64_t nonzeros = 0;
    for (int64_t pixel = 0; pixel < shape_.h * shape_.w; ++pixel) {
      for (int64_t byte = 0; byte < batch_bytes_; ++byte) {
        const int64_t first = pixel * shape_.n + 8 * byte;
        unsigned value = 0;
        if (shape_.n % 8 == 0) {
          value = ~static_cast<unsigned>(words[first / 64] >> (first % 64)) & 0xFFU;
        } else {
          for (int64_t i = 0; i < std::min<int64_t>(8, shape_.n - 8 * byte); ++i) {
            value |= clear(first + i) ? 1U << i : 0U;
          }
        }
        bytes[pixel * batch_bytes_ + byte] = static_cast<uint8_t>(value);
        nonzeros += std::popcount(value);
      }
    }
    channel_nonzeros_[static_cast<size_t>(c)] = nonzeros;
  };
  const int64_t grain = std::max<int64_t>(1, kGrainValues / std::max<int64_t>(1, shape_.channel_size()));
  parallel_for(shape_.c, grain, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      assign_channel(c);
    }
  });
}

int64_t Bitmap::nonzeros(int64_t begin, int64_t end) const {
  return std::accumulate(channel_nonzeros_.begin() + begin, channel_nonzeros_.begin() + end, int64_t{0});
}

}  // namespace trainer
