#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/convolution/choice/phase.h"
#include "kernels/convolution/geometry.h"
#include "kernels/path.h"

namespace trainer {

/// Where a phase of a convolution runs at which density of its weight: on highway below `highway`, on half from there
/// to below `half`, on oneDNN from the larger of both on. 0 is never, above 1 always.
struct DensityBounds {
  DensityBounds(double highway_below = 0, double half_below = 0)  // NOLINT(google-explicit-constructor): one is usual
      : highway(highway_below), half(half_below) {}

  double highway;
  double half;

  bool has_half() const { return half > highway; }
  /// The density from which on the phase is dense.
  double dense_from() const { return has_half() ? half : highway; }
  KernelPath path(double density) const {
    return density < highway ? KernelPath::highway : density < half ? KernelPath::half : KernelPath::onednn;
  }
  bool operator==(const DensityBounds&) const = default;
};

/// All that a choice depends on beside the weight's density, so writing it down fixes every choice of a run.
using BreakEven = PerPhase<DensityBounds>;

struct ConvolutionBreakEven {
  ConvolutionGeometry geometry;
  BreakEven break_even;
};

/// "n64c64k64h32r3p1=0.412/0-0.388/0.054-0.541": the geometry as a convolution problem, then FF/BP/WG, each as
/// DensityBounds: HIGHWAY, or HIGHWAY-HALF where half has a place. Throws UsageError that says what is wrong.
ConvolutionBreakEven parse_break_even(std::string_view text);
/// Read back exactly where the densities are rounded(); shortest text otherwise.
std::string to_string(const ConvolutionBreakEven& entry);
std::string to_string(const DensityBounds& bounds);

/// Down to thousandths: what is left of a measurement's digits.
DensityBounds rounded_break_even(const DensityBounds& bounds);

/// Null where `entries` has none for the geometry.
const BreakEven* find_break_even(const std::vector<ConvolutionBreakEven>& entries, const ConvolutionGeometry& geometry);

}  // namespace trainer
