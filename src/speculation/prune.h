#pragma once

#include <cstdint>
#include <span>

#include "speculation/exponent_histogram.h"
#include "speculation/gradient_counts.h"

namespace trainer {

/// Names the random numbers of one tensor: element i of it draws the hash of (first, second, i).
struct PruningKey {
  uint32_t first = 0;
  uint32_t second = 0;
};

/// Unbiased stochastic pruning: a value v with |v| < `threshold` becomes +-threshold with probability |v|/threshold,
/// else 0, so its expectation stays v to 2^-24 of the threshold. Others, infinities and NaN stay. `threshold` is 0
/// (nothing changes) or a power of two, 2^-100 or larger. `first_element` is the number of values[0] in its tensor.
///
/// Also adds the exponents that the values had before to `histogram`. One pass; the same bits for every vector width.
GradientCounts prune(std::span<float> values, uint32_t first_element, float threshold, PruningKey key,
                     ExponentHistogram& histogram);

}  // namespace trainer
