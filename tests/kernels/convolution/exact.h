#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/convolution/problem.h"

namespace trainer::testing {

/// Sums of products in double precision, with what the error of a sum in floats is bounded by. Products of floats are
/// exact there, and 29 more bits of sum make it as good as exact.
struct ExactSums {
  explicit ExactSums(int64_t size) : sum(static_cast<size_t>(size)), magnitude(sum.size()), terms(sum.size()) {}

  std::vector<double> sum;
  std::vector<double> magnitude;  ///< sums of the products' absolute values
  std::vector<int64_t> terms;     ///< unpruned weights, and values outside the padding, alone

  void add(size_t at, double term) {
    sum[at] += term;
    magnitude[at] += term < 0 ? -term : term;
    ++terms[at];
  }
};

/// FF, BP, BP accumulating and WG. Loops of their own: the reference path is tested against them like any other.
struct ExactResults {
  explicit ExactResults(const Operands& operands);

  ExactSums Z;
  ExactSums dX;
  ExactSums dX_accumulated;
  ExactSums dW;
};

/// Bound of the error of a sum of t products in floats, in units of the sum of the products' absolute values.
///
/// With u = 2^-24, every order of adding, with or without fused multiply-adds, is within gamma_t = t u / (1 - t u) of
/// the exact sum: no product passes more than t roundings, and adding zero is none (Higham, Accuracy and Stability of
/// Numerical Algorithms, 2nd ed., section 3.1). Roundings that go either way at random stay within 8 sqrt(t) u but for
/// a chance of 2t exp(-32) (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019, theorem 3.1, lambda = 8). The smaller of
/// the two holds here: from 64 products on it is the second, which the first would leave too much room. A sum of no
/// products has to be zero.
double error_bound(int64_t terms);

/// What an error may be: `relative` times the sum of the products' absolute values, and `absolute`.
struct ErrorBound {
  double relative = 0;
  double absolute = 0;
};

/// Of t products of FP16 numbers that are multiplied and added in FP16 first, then in FP32 (half/half_kernels.h): with
/// v = 2^-11, a product passes up to min(t, kHalfChunk) roundings to FP16, each off by v of the sum at most, or, of
/// sums below FP16's normal numbers, by half the smallest subnormal, 2^-25; there, additions are exact, so that only
/// the t multiply-adds are off. What is then added in FP32 is within error_bound(). So
/// ((1 + v)^min(t, kHalfChunk) (1 + error_bound(t)) - 1) times the sum of the absolute values, and t 2^-25 (1 + that).
ErrorBound half_error_bound(int64_t terms);

/// The bound for a path's arithmetic.
ErrorBound error_bound(KernelPath path, int64_t terms);

/// "" where every value of `results` is within the bound of `path`, else a line that starts with the problem and names
/// the value that is furthest outside.
std::string compare(const Results& results, const Operands& operands, std::string_view problem,
                    KernelPath path = KernelPath::reference);

}  // namespace trainer::testing
