#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/convolution/convolution.h"

namespace trainer::testing {

/// One convolution problem with operands: what every path is given.
struct Operands {
  /// The values follow from the problem's string, which is then all it takes to repeat a failure.
  explicit Operands(const ConvolutionProblem& problem);
  Operands(const ConvolutionProblem& problem, uint64_t seed);

  ConvolutionGeometry geometry;
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> W;
  Tensor X;
  Tensor dZ;
  Tensor dX;  ///< what accumulation starts from

  WeightView weight() const { return {pattern, W}; }
};

/// As above; W, X and dZ rounded to FP16 where that is what `path` multiplies.
Operands operands_for(KernelPath path, const ConvolutionProblem& problem);

/// FF, BP, BP accumulating and WG of one path.
struct Results {
  Results(Convolution& convolution, const Operands& operands);

  Tensor Z;
  Tensor dX;
  Tensor dX_accumulated;
  std::vector<float> dW;

  bool operator==(const Results& other) const;  ///< bit for bit
};

/// The random problems every path is tried on; random_problems_test.cpp says what kinds are among them.
constexpr uint64_t kRandomProblemsSeed = 11;
constexpr int kRandomProblems = 150;

/// A random problem that is possible and small.
std::string random_problem(Random& random);

std::shared_ptr<const Pattern> random_pattern(const ConvolutionGeometry& geometry, double density, Random& random);

}  // namespace trainer::testing
