#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/geometry.h"

namespace trainer {

/// Where a kernel index along one axis reads in a packed window.
struct Tap {
  bool used = false;
  int64_t plane = 0;   ///< which phase of the input's step
  int64_t offset = 0;  ///< positions within that plane, >= 0
};

/// One dimension (rows or columns) of a sum over taps:
/// output position `output_phase + output_step * i` reads input position `input_step * i + shift(tap)`, i < count.
///
/// FF is one such sum with input_step = stride. BP is one for each of the stride phases of dX's positions, each with
/// the kernel indices that reach it and unit step in dZ. The packed window separates the input_step phases of the input
/// into planes, so that within a plane every tap is a constant offset with unit step.
struct Axis {
  int64_t input_extent = 0;
  int64_t input_step = 1;
  int64_t count = 0;
  int64_t output_step = 1;
  int64_t output_phase = 0;
  int64_t first = 0;            ///< input position of the window's origin for i = 0; may be negative
  int64_t reach = 0;            ///< largest Tap::offset
  std::vector<Tap> taps;        ///< one per kernel index
  std::vector<int64_t> planes;  ///< distance of each plane's first position from the origin

  int64_t used_taps() const;
};

/// Rows and columns of one sum over taps.
struct Pass {
  Axis rows;
  Axis columns;
};

/// FF, and the windows of WG.
Pass forward_pass(const ConvolutionGeometry& geometry);
/// BP: stride * stride passes that together write every position of dX once. A pass may have no taps.
std::vector<Pass> backward_passes(const ConvolutionGeometry& geometry);

}  // namespace trainer
