#pragma once

#include <optional>
#include <span>

#include "kernels/convolution/choice/break_even.h"

namespace trainer {

/// What one phase of one convolution takes one thread on a sparse path with this part of its weights unpruned.
struct SparseTiming {
  double density = 0;  ///< 0..1
  double seconds = 0;
};

/// Processor time of one phase of one convolution on a path that visits unpruned weights alone: a constant (packing
/// windows, writing results) and a part proportional to the density.
struct SparseCost {
  double fixed_s = 0;        ///< at density 0
  double per_density_s = 0;  ///< at density 1, less fixed_s

  double seconds(double density) const { return fixed_s + per_density_s * density; }
  /// It is faster than `dense_s` by kMargin at least for densities below this; 0 (never) .. kAlways. Above 1: for full
  /// weights too.
  double break_even(double dense_s) const;
};

/// The same by path, on this machine. oneDNN is dense.
struct CostModel {
  SparseCost highway;
  std::optional<SparseCost> half;  ///< none where it has no place: in FP32, or on this CPU
  double onednn_s = 0;

  /// Each path where it is faster by kMargin than those to its left and right: highway at low densities, half above,
  /// then oneDNN. Without `offer_half` as if there were none.
  DensityBounds bounds(bool offer_half) const;
};

/// Part of the other's time by which a path must be faster to be chosen. A near tie goes to oneDNN, so that what a
/// sparse path is chosen for is never slower than dense, and between the sparse ones to highway, whose sums are more
/// exact.
inline constexpr double kMargin = 0.05;
inline constexpr double kAlways = 2;

/// Least squares of relative errors, with neither part below 0. Timings of a single density give a constant.
SparseCost fit_sparse_cost(std::span<const SparseTiming> timings);

}  // namespace trainer
