#include "kernels/convolution/problem.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "kernels/elementwise/round_values.h"

namespace trainer::testing {
namespace {

void fill_random(std::span<float> values, Random& random) {
  for (float& value : values) {
    value = random.uniform(-1, 1);
  }
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
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

Operands::Operands(const ConvolutionProblem& problem)
    // FNV-1a: the same everywhere, which std::hash is not.
    : Operands(problem, [text = to_string(problem)] {
        uint64_t hash = 0xcbf29ce484222325;
        for (const char letter : text) {
          hash = (hash ^ static_cast<uint8_t>(letter)) * 0x100000001b3;
        }
        return hash;
      }()) {}

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

Operands operands_for(KernelPath path, const ConvolutionProblem& problem) {
  Operands operands(problem);
  if (path == KernelPath::half) {
    for (const std::span<float> values : {std::span<float>(operands.W), operands.X.values(), operands.dZ.values()}) {
      round_values({kBinary16, 0}, Overflow::by_definition, values, values);
    }
  }
  return operands;
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
