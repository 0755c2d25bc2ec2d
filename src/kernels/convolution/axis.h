#pragma once

#include <cstdint>
#include <vector>

#include "kernels/convolution/geometry.h"

namespace trainer {

/// Where a kernel index along one axis reads in a packed window.
struct Tap {
  bool used = false;
  int64_t plane = 0;   ///< which residue of the input's step
  int64_t offset = 0;  ///< positions within that plane, >= 0
  int64_t phase = 0;   ///< which of the axis's output phases it is a term of
};

/// The output positions first, first + output_step, ... of an axis, `count` of them.
struct OutputPhase {
  int64_t first = 0;
  int64_t count = 0;
};

/// One dimension (rows or columns) of a sum over taps:
/// position i of an output phase reads input position `input_step * i + shift(tap)` for each tap of that phase.
///
/// FF has a single phase, and input_step = stride. In BP each of the stride phases of dX's positions has the kernel
/// indices that reach it, and unit step in dZ. The packed window, which all phases share, separates the input_step
/// residues of the input into planes, so that within a plane every tap is a constant offset with unit step.
struct Axis {
  int64_t input_extent = 0;
  int64_t input_step = 1;
  int64_t count = 0;  ///< the most positions of a phase
  int64_t output_step = 1;
  std::vector<OutputPhase> phases;
  int64_t first = 0;            ///< input position of the window's origin for i = 0; may be negative
  int64_t reach = 0;            ///< largest Tap::offset
  std::vector<Tap> taps;        ///< one per kernel index
  std::vector<int64_t> planes;  ///< distance of each plane's first position from the origin

  int64_t used_taps() const;
};

/// Rows and columns of one sum over taps. Its phases, of which the columns' number changes fastest, are like more
/// output channels.
struct ConvolutionPass {
  Axis rows;
  Axis columns;

  int64_t phases() const { return static_cast<int64_t>(rows.phases.size() * columns.phases.size()); }
  int64_t phase(const Tap& row, const Tap& column) const {
    return row.phase * static_cast<int64_t>(columns.phases.size()) + column.phase;
  }
};

/// FF, and the windows of WG.
ConvolutionPass forward_pass(const ConvolutionGeometry& geometry);
/// BP: passes that together write every position of dX once. The first has all phases that taps reach, unless they
/// reach none; each other one has a phase, of rows and of columns, without taps.
std::vector<ConvolutionPass> backward_passes(const ConvolutionGeometry& geometry);

}  // namespace trainer
