#include "kernels/convolution/choice/break_even.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "kernels/convolution/choice/cost_model.h"

namespace trainer {
namespace {

[[noreturn]] void reject(std::string_view text) {
  throw UsageError(fmt::format(
      "'{}' is not a break-even; write PROBLEM=FF/BP/WG with densities of 0 .. {:g}, or two of them that grow "
      "where half has a place, for example n64c64k64h32r3p1=0.41/0-0.38/0.54",
      text, kAlways));
}

/// Reads a density; `at` is then what stopped it. Null where there is none.
const char* read_density(const char* at, const char* end, double& density) {
  const auto [stopped, error] = std::from_chars(at, end, density);
  // Written so that a NaN is refused.
  const bool in_range = density >= 0 && density <= kAlways;
  return error == std::errc() && in_range ? stopped : nullptr;
}

}  // namespace

ConvolutionBreakEven parse_break_even(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    reject(text);
  }
  const ConvolutionProblem problem = parse_convolution_problem(text.substr(0, equals));
  ConvolutionBreakEven entry{problem.geometry, {}};
  const char* at = text.data() + equals;
  const char* const end = text.data() + text.size();
  for (DensityBounds& bounds : entry.break_even.of) {
    const char separator = &bounds == entry.break_even.of.data() ? '=' : '/';
    if (at == end || *at != separator || (at = read_density(at + 1, end, bounds.highway)) == nullptr) {
      reject(text);
    }
    if (at != end && *at == '-' && ((at = read_density(at + 1, end, bounds.half)) == nullptr || !bounds.has_half())) {
      reject(text);
    }
  }
  if (at != end || problem.weight_density != 1) {
    reject(text);
  }
  return entry;
}

std::string to_string(const ConvolutionBreakEven& entry) {
  const auto& of = entry.break_even.of;
  return fmt::format("{}={}/{}/{}", to_string(entry.geometry), to_string(of[0]), to_string(of[1]), to_string(of[2]));
}

std::string to_string(const DensityBounds& bounds) {
  return bounds.has_half() ? fmt::format("{}-{}", bounds.highway, bounds.half) : fmt::format("{}", bounds.highway);
}

DensityBounds rounded_break_even(const DensityBounds& bounds) {
  const auto rounded = [](double density) { return std::floor(density * 1000) / 1000; };
  return {rounded(bounds.highway), rounded(bounds.half)};
}

const BreakEven* find_break_even(const std::vector<ConvolutionBreakEven>& entries,
                                 const ConvolutionGeometry& geometry) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.geometry == geometry; });
  return found == entries.end() ? nullptr : &found->break_even;
}

}  // namespace trainer
