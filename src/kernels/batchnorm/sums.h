#pragma once

namespace trainer::batchnorm {

/// Two sums over the values of one channel, such as sum(z - shift) and sum((z - shift)^2).
struct Sums {
  double first = 0;
  double second = 0;
};

}  // namespace trainer::batchnorm
