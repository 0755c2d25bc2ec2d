#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "kernels/convolution/convolution.h"

namespace trainer::testing {

/// One convolution problem with operands: what every path is given.
struct Operands {
  Operands(const ConvolutionProblem& problem, uint64_t seed);

  ConvolutionGeometry geometry;
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> W;
  Tensor X;
  Tensor dZ;
  Tensor dX;  ///< what accumulation starts from

  WeightView weight() const { return {pattern, W}; }
};

/// FF, BP, BP accumulating and WG of one path.
struct Results {
  Results(Convolution& convolution, const Operands& operands);

  Tensor Z;
  Tensor dX;
  Tensor dX_accumulated;
  std::vector<float> dW;

  bool operator==(const Results& other) const;  ///< bit for bit
};

/// "" where `results` agree with the reference path within rounding, else a line that starts with the problem.
///
/// Any order of adding t products p_i in floats is within t * eps * sum |p_i| of the exact sum (Higham, Accuracy and
/// Stability, 4.2); twice that separates two orders. Paths add in long vectors, so sqrt(t) + 8 in the place of t is a
/// bound they keep with room to spare, and a product lost or counted twice breaks it.
std::string compare(const Results& results, const Operands& operands, std::string_view problem);

/// A random problem that is possible and small.
std::string random_problem(Random& random);

std::shared_ptr<const Pattern> random_pattern(const ConvolutionGeometry& geometry, double density, Random& random);

}  // namespace trainer::testing
