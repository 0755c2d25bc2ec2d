#pragma once

#include <limits>

/// What kernels of BN, and kernels that do a part of its work, have in common.
namespace trainer::batchnorm {

/// A bound that cuts nothing: no value compares with it.
inline constexpr float kNotCut = std::numeric_limits<float>::quiet_NaN();

/// Two sums over the values of one channel, such as sum(z - shift) and sum((z - shift)^2).
struct Sums {
  double first = 0;
  double second = 0;
};

}  // namespace trainer::batchnorm
