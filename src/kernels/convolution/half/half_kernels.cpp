#include "kernels/convolution/half/half_kernels.h"

#include <fmt/format.h>

#include "base/cpu_features.h"
#include "base/error.h"

namespace trainer {
namespace {

TileKernels make() {
  TileKernels kernels = tile_kernels();
  kernels.sum_rows = nullptr;
  kernels.dot_rows = nullptr;
#if defined(__x86_64__)
  half::enter_avx512(kernels);
#elif defined(__aarch64__)
  half::enter_neon(kernels);
#endif
  return kernels;
}

}  // namespace

void require_half_arithmetic() {
  if (!cpu_has_half_arithmetic()) {
    throw UsageError(fmt::format("kernels half: this CPU has no {}; choose auto, reference, highway or onednn",
                                 half_arithmetic_name()));
  }
}

const TileKernels& half_tile_kernels() {
  require_half_arithmetic();
  static const TileKernels kernels = make();
  return kernels;
}

}  // namespace trainer
