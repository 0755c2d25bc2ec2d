#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/convolution/choice/phase.h"
#include "kernels/convolution/geometry.h"

namespace trainer {

/// Densities below which the phases of a convolution run on highway, and from which on oneDNN: all that a choice
/// depends on beside the weight's density, so writing it down fixes every choice of a run.
using BreakEven = PerPhase<double>;

struct ConvolutionBreakEven {
  ConvolutionGeometry geometry;
  BreakEven break_even;
};

/// "n64c64k64h32r3p1=0.412/0.388/0.541": the geometry as a convolution problem, then FF/BP/WG; 0 is never highway,
/// above 1 always. Throws UsageError that says what is wrong.
ConvolutionBreakEven parse_break_even(std::string_view text);
/// Read back exactly where the densities are rounded(); shortest text otherwise.
std::string to_string(const ConvolutionBreakEven& entry);

/// Down to thousandths: what is left of a measurement's digits.
double rounded_break_even(double density);

/// Null where `entries` has none for the geometry.
const BreakEven* find_break_even(const std::vector<ConvolutionBreakEven>& entries, const ConvolutionGeometry& geometry);

}  // namespace trainer
