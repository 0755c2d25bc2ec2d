#include "kernels/convolution/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace trainer::testing {
namespace {

void fill_random(std::span<float> values, Random& random) {
  for (float& value : values) {
    value = random.uniform(-1, 1);
  }
}

Tensor absolute(const Tensor& tensor) {
  Tensor result = tensor.clone();
  std::transform(result.values().begin(), result.values().end(), result.data(), [](float v) { return std::abs(v); });
  return result;
}

std::string compare_values(std::string_view what, std::span<const float> got, std::span<const float> expected,
                           std::span<const float> magnitude, int64_t products) {
  const double factor = 2 * (std::sqrt(static_cast<double>(products)) + 8) * std::numeric_limits<float>::epsilon();
  for (size_t i = 0; i < got.size(); ++i) {
    if (!(std::abs(got[i] - expected[i]) <= factor * magnitude[i])) {
      return fmt::format("{}[{}] is {}, the reference has {} (products of magnitude {} in all)", what, i, got[i],
                         expected[i], magnitude[i]);
    }
  }
  return "";
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

int64_t choose(std::initializer_list<int64_t> choices, Random& random) {
  return choices.begin()[random.below(choices.size())];
}

}  // namespace

std::shared_ptr<const Pattern> random_pattern(const ConvolutionGeometry& geometry, double density, Random& random) {
  std::vector<uint8_t> kept(static_cast<size_t>(geometry.weight_rows() * geometry.weight_columns()));
  for (uint8_t& keep : kept) {
    keep = random.uniform() < density ? 1 : 0;
  }
  return Pattern::from_mask(geometry.weight_rows(), geometry.weight_columns(), kept);
}

Operands::Operands(const ConvolutionProblem& problem, uint64_t seed)
    : geometry(problem.geometry), X(geometry.input()), dZ(geometry.output()), dX(geometry.input()) {
  Random random(seed);
  pattern = random_pattern(geometry, problem.weight_density, random);
  W.resize(static_cast<size_t>(pattern->nonzeros()));
  fill_random(W, random);
  fill_random(X.values(), random);
  fill_random(dZ.values(), random);
  fill_random(dX.values(), random);
}

Results::Results(Convolution& convolution, const Operands& operands)
    : Z(operands.geometry.output()),
      dX(operands.geometry.input()),
      dX_accumulated(operands.dX.clone()),
      dW(operands.W.size(), std::numeric_limits<float>::quiet_NaN()) {
  Z.fill(std::numeric_limits<float>::quiet_NaN());  // whatever a path leaves unwritten shows
  dX.fill(std::numeric_limits<float>::quiet_NaN());
  convolution.feedforward(operands.X, operands.weight(), Z);
  convolution.backpropagate(operands.dZ, operands.weight(), dX, false);
  convolution.backpropagate(operands.dZ, operands.weight(), dX_accumulated, true);
  convolution.weight_gradient(operands.dZ, operands.X, operands.pattern, dW);
}

bool Results::operator==(const Results& other) const {
  return same_bits(Z.values(), other.Z.values()) && same_bits(dX.values(), other.dX.values()) &&
         same_bits(dX_accumulated.values(), other.dX_accumulated.values()) && same_bits(dW, other.dW);
}

std::string compare(const Results& results, const Operands& operands, std::string_view problem) {
  const ConvolutionGeometry& g = operands.geometry;
  const auto reference = make_convolution(KernelPath::reference, g);
  const Results expected(*reference, operands);
  Operands magnitudes = operands;
  magnitudes.X = absolute(operands.X);
  magnitudes.dZ = absolute(operands.dZ);
  magnitudes.dX = absolute(operands.dX);
  std::transform(operands.W.begin(), operands.W.end(), magnitudes.W.begin(), [](float v) { return std::abs(v); });
  const Results magnitude(*reference, magnitudes);

  const int64_t per_output = g.weight_columns();
  const int64_t per_input = g.k / g.groups * g.r * g.s;
  std::string fault = compare_values("Z", results.Z.values(), expected.Z.values(), magnitude.Z.values(), per_output);
  if (fault.empty()) {
    fault = compare_values("dX", results.dX.values(), expected.dX.values(), magnitude.dX.values(), per_input);
  }
  if (fault.empty()) {
    fault = compare_values("accumulated dX", results.dX_accumulated.values(), expected.dX_accumulated.values(),
                           magnitude.dX_accumulated.values(), per_input + 1);
  }
  if (fault.empty()) {
    fault = compare_values("dW", results.dW, expected.dW, magnitude.dW, g.n * g.p() * g.q());
  }
  return fault.empty() ? "" : fmt::format("{}: {}", problem, fault);
}

std::string random_problem(Random& random) {
  while (true) {
    ConvolutionProblem problem;
    ConvolutionGeometry& g = problem.geometry;
    g.groups = choose({1, 1, 1, 1, 2, 3, 8}, random);
    g.c = g.groups * choose({1, 1, 2, 3, 5, 9}, random);
    g.k = g.groups * choose({1, 1, 2, 3, 7, 11}, random);
    g.n = choose({1, 3, 8, 16, 17, 40, 64}, random);
    const int64_t most = g.n > 17 ? 9 : 14;
    g.h = 1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(most)));
    g.w = 1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(most)));
    g.r = choose({1, 1, 2, 3, 3, 3, 5, 7}, random);
    g.s = random.below(4) == 0 ? choose({1, 2, 3, 5}, random) : g.r;
    g.stride = choose({1, 1, 1, 2, 2, 3}, random);
    g.dilation = choose({1, 1, 1, 2}, random);
    g.padding = static_cast<int64_t>(random.below(static_cast<uint64_t>(g.r + 2)));
    problem.weight_density = 0.125 * static_cast<double>(random.below(9));
    try {
      validate(g);
      return to_string(problem);
    } catch (const UsageError&) {
      // The kernel does not fit: draw again.
    }
  }
}

}  // namespace trainer::testing
