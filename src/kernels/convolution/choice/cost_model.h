#pragma once

#include <span>

namespace trainer {

/// What one phase of one convolution takes one thread on highway with this part of its weights unpruned.
struct HighwayTiming {
  double density = 0;  ///< 0..1
  double seconds = 0;
};

/// Processor time of one phase of one convolution on this machine, by path. Highway visits unpruned weights alone, so
/// its time is a constant (packing windows, writing results) and a part proportional to the density; oneDNN is dense.
struct CostModel {
  double fixed_s = 0;        ///< highway at density 0
  double per_density_s = 0;  ///< highway at density 1, less fixed_s
  double onednn_s = 0;

  double highway_s(double density) const { return fixed_s + per_density_s * density; }
  /// Highway is faster than oneDNN by kMargin at least for densities below this; 0 (never) .. kAlways. Above 1: for
  /// full weights too.
  double break_even() const;
};

/// Part of oneDNN's time by which highway must be faster to be chosen: a near tie goes to oneDNN, so that what highway
/// is chosen for is never slower than dense.
inline constexpr double kMargin = 0.05;
inline constexpr double kAlways = 2;

/// Least squares of relative errors, with neither part below 0. Timings of a single density give a constant.
CostModel fit_cost_model(std::span<const HighwayTiming> highway, double onednn_s);

}  // namespace trainer
