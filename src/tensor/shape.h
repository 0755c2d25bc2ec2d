#pragma once

#include <cstdint>
#include <string>

namespace trainer {

/// Extents of an activation: N batch, C channels, H rows, W columns. A vector of features is C x 1 x 1.
struct Shape {
  int64_t n = 0;
  int64_t c = 0;
  int64_t h = 1;
  int64_t w = 1;

  int64_t size() const { return n * c * h * w; }
  /// Values of one channel: H * W * N, contiguous in memory.
  int64_t channel_size() const { return h * w * n; }
  bool operator==(const Shape&) const = default;
};

/// "64x3x32x32", in the order N x C x H x W.
std::string to_string(const Shape& shape);

}  // namespace trainer
