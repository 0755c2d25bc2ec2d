#pragma once

#include <algorithm>
#include <cstdint>

namespace trainer::pooling {

/// Where the windows of one axis lie.
struct Axis {
  int64_t extent;  ///< of the input
  int64_t window;
  int64_t stride;
  int64_t padding;

  /// Input coordinate of window `o`'s first place, negative in the padding.
  int64_t start(int64_t o) const { return o * stride - padding; }
  /// Places [first, last) of window `o` that are values, not padding. Never empty for a checked geometry.
  int64_t first(int64_t o) const { return std::max<int64_t>(0, -start(o)); }
  int64_t last(int64_t o) const { return std::min(window, extent - start(o)); }
};

}  // namespace trainer::pooling
