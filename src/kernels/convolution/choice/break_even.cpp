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
  throw UsageError(
      fmt::format("'{}' is not a break-even; write PROBLEM=FF/BP/WG with densities of 0 .. {:g}, for example "
                  "n64c64k64h32r3p1=0.41/0.38/0.54",
                  text, kAlways));
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
  for (double& density : entry.break_even.of) {
    const char separator = &density == entry.break_even.of.data() ? '=' : '/';
    if (at == end || *at != separator) {
      reject(text);
    }
    const auto [stopped, error] = std::from_chars(at + 1, end, density);
    // Written so that a NaN is refused.
    const bool in_range = density >= 0 && density <= kAlways;
    if (error != std::errc() || !in_range) {
      reject(text);
    }
    at = stopped;
  }
  if (at != end || problem.weight_density != 1) {
    reject(text);
  }
  return entry;
}

std::string to_string(const ConvolutionBreakEven& entry) {
  const auto& of = entry.break_even.of;
  return fmt::format("{}={}/{}/{}", to_string(entry.geometry), of[0], of[1], of[2]);
}

double rounded_break_even(double density) { return std::floor(density * 1000) / 1000; }

const BreakEven* find_break_even(const std::vector<ConvolutionBreakEven>& entries,
                                 const ConvolutionGeometry& geometry) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.geometry == geometry; });
  return found == entries.end() ? nullptr : &found->break_even;
}

}  // namespace trainer
