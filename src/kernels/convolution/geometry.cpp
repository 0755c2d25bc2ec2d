#include "kernels/convolution/geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

#include "base/error.h"

namespace trainer {
namespace {

constexpr int64_t kLargestExtent = 1'000'000;
// Indices within a weight are 32-bit numbers (Pattern); activations are held to what a machine can have.
constexpr double kLargestWeight = 4e9;
constexpr double kLargestTensor = 1e12;

struct Field {
  char letter;
  int64_t ConvolutionGeometry::*member;
  bool required;
};

constexpr std::array<Field, 9> kFields = {{{'n', &ConvolutionGeometry::n, true},
                                           {'c', &ConvolutionGeometry::c, true},
                                           {'k', &ConvolutionGeometry::k, true},
                                           {'h', &ConvolutionGeometry::h, true},
                                           {'r', &ConvolutionGeometry::r, true},
                                           {'s', &ConvolutionGeometry::stride, false},
                                           {'p', &ConvolutionGeometry::padding, false},
                                           {'e', &ConvolutionGeometry::dilation, false},
                                           {'g', &ConvolutionGeometry::groups, false}}};

[[noreturn]] void reject(std::string_view text, const std::string& why) {
  throw UsageError(fmt::format("convolution problem '{}': {}; write for example n8c64k64h32r3s2p1d0.1", text, why));
}

template <typename T>
T parse_number(std::string_view text, char letter, std::string_view digits) {
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    reject(text, fmt::format("'{}' needs a number, not '{}'", letter, digits));
  }
  return value;
}

}  // namespace

void validate(const ConvolutionGeometry& g) {
  const auto require = [&g](bool holds, std::string_view why) {
    if (!holds) {
      throw UsageError(fmt::format("impossible convolution {}: {}", to_string(g), why));
    }
  };
  for (const int64_t extent : {g.n, g.c, g.h, g.w, g.k, g.r, g.s, g.stride, g.dilation, g.groups}) {
    require(extent >= 1 && extent <= kLargestExtent, "every extent but the padding must lie in 1..1000000");
  }
  require(g.padding >= 0 && g.padding <= kLargestExtent, "the padding must lie in 0..1000000");
  require(g.c % g.groups == 0 && g.k % g.groups == 0, "the groups must divide the input and the output channels");
  // Division truncates towards zero, so p() and q() cannot tell a kernel that just does not fit.
  require(g.h + 2 * g.padding >= g.dilation * (g.r - 1) + 1 && g.w + 2 * g.padding >= g.dilation * (g.s - 1) + 1,
          "the kernel is larger than the padded input, so there is no output");
  const auto product = [](std::initializer_list<int64_t> factors) {
    double result = 1;
    for (const int64_t factor : factors) {
      result *= static_cast<double>(factor);
    }
    return result;
  };
  require(product({g.k, g.c / g.groups, g.r, g.s}) <= kLargestWeight, "the weight has more than 4e9 values");
  require(product({g.n, g.c, g.h, g.w}) <= kLargestTensor && product({g.n, g.k, g.p(), g.q()}) <= kLargestTensor,
          "an activation has more than 1e12 values");
}

ConvolutionProblem parse_convolution_problem(std::string_view text) {
  ConvolutionProblem problem;
  ConvolutionGeometry& geometry = problem.geometry;
  std::string seen;
  size_t at = 0;
  while (at < text.size()) {
    const char letter = text[at];
    const size_t next = std::min(text.find_first_not_of("0123456789.-+", at + 1), text.size());
    const std::string_view digits = text.substr(at + 1, next - at - 1);
    if (seen.find(letter) != std::string::npos) {
      reject(text, fmt::format("'{}' is given twice", letter));
    }
    seen += letter;
    at = next;
    const auto* field =
        std::find_if(kFields.begin(), kFields.end(), [&](const Field& f) { return f.letter == letter; });
    if (letter == 'd') {
      problem.weight_density = parse_number<double>(text, letter, digits);
    } else if (letter == 'w') {
      geometry.w = parse_number<int64_t>(text, letter, digits);
    } else if (letter == 'q') {
      geometry.s = parse_number<int64_t>(text, letter, digits);
    } else if (field != kFields.end()) {
      geometry.*(field->member) = parse_number<int64_t>(text, letter, digits);
    } else {
      reject(text, fmt::format("unknown part '{}'", letter));
    }
  }
  for (const Field& field : kFields) {
    if (field.required && seen.find(field.letter) == std::string::npos) {
      reject(text, fmt::format("'{}' is missing", field.letter));
    }
  }
  if (seen.find('w') == std::string::npos) {
    geometry.w = geometry.h;
  }
  if (seen.find('q') == std::string::npos) {
    geometry.s = geometry.r;
  }
  if (!(problem.weight_density >= 0 && problem.weight_density <= 1)) {
    reject(text, "the density 'd' must lie in 0..1");
  }
  validate(geometry);
  return problem;
}

std::string to_string(const ConvolutionGeometry& geometry) {
  std::string text = fmt::format("n{}c{}k{}h{}", geometry.n, geometry.c, geometry.k, geometry.h);
  const auto add_unless = [&text](char letter, int64_t value, int64_t standard) {
    if (value != standard) {
      text += fmt::format("{}{}", letter, value);
    }
  };
  add_unless('w', geometry.w, geometry.h);
  text += fmt::format("r{}", geometry.r);
  add_unless('q', geometry.s, geometry.r);
  add_unless('s', geometry.stride, 1);
  add_unless('p', geometry.padding, 0);
  add_unless('e', geometry.dilation, 1);
  add_unless('g', geometry.groups, 1);
  return text;
}

std::string to_string(const ConvolutionProblem& problem) {
  std::string text = to_string(problem.geometry);
  if (problem.weight_density != 1) {
    text += fmt::format("d{}", problem.weight_density);
  }
  return text;
}

}  // namespace trainer
