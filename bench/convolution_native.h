#pragma once

#include <functional>

#include "kernels/convolution/geometry.h"

namespace trainer::bench {

/// oneDNN as its own users run it: operands stay in the layouts its primitives prefer, its own threading, nothing
/// reordered. The floor that a sparse path has to beat.
struct NativeConvolution {
  std::function<void()> feedforward;
  std::function<void()> backpropagate;
  std::function<void()> weight_gradient;
};

NativeConvolution make_native_convolution(const ConvolutionGeometry& geometry, int threads);

}  // namespace trainer::bench
