#include "kernels/pooling/pooling.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error.h"
#include "kernels/pooling/implementations.h"

namespace trainer {
namespace {

/// The highway path keeps a maximum's place in 16 bits.
constexpr int64_t kMostPlaces = int64_t{1} << 16;

void check(const PoolingGeometry& g) {
  const auto refuse = [&](const char* reason) {
    throw UsageError(fmt::format("pooling window {}x{}, stride {}, padding {} on input {}: {}", g.window_h, g.window_w,
                                 g.stride, g.padding, to_string(g.input), reason));
  };
  if (g.window_h < 1 || g.window_w < 1 || g.stride < 1 || g.padding < 0) {
    refuse("window and stride must be at least 1 and padding at least 0");
  }
  if (g.padding >= g.window_h || g.padding >= g.window_w) {
    refuse("padding must be smaller than the window, or a window would hold padding alone");
  }
  if (g.window_h > g.input.h + 2 * g.padding || g.window_w > g.input.w + 2 * g.padding) {
    refuse("the window is larger than the padded input; use a smaller window or a larger image");
  }
  if (g.kind == PoolingKind::maximum && g.window_h * g.window_w > kMostPlaces) {
    refuse("a maximum is taken over 65536 values at most; use a smaller window or average pooling");
  }
}

}  // namespace

std::unique_ptr<Pooling> make_pooling(KernelPath path, const PoolingGeometry& geometry) {
  check(geometry);
  switch (path) {
    case KernelPath::reference:
      return pooling::make_reference(geometry);
    case KernelPath::highway:
      return pooling::make_highway(geometry);
    case KernelPath::onednn:
      return pooling::make_onednn(geometry);
    case KernelPath::half:  // convolutions alone have it
    case KernelPath::automatic:
      break;
  }
  throw std::invalid_argument("make_pooling: choose the kernel path before calling");
}

}  // namespace trainer
