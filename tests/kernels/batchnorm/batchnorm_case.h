#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/batchnorm/batchnorm.h"
#include "kernels/operations_support.h"

namespace trainer::testing_support {

/// One batch normalisation with its inputs; run() gives everything it computes.
struct BatchNormCase {
  Tensor Z;
  Tensor dY;
  std::vector<float> gamma;
  std::vector<float> beta;
  std::vector<float> shift;
  float epsilon = 1e-5F;

  struct Result {
    Tensor Y;
    std::vector<float> mean;
    std::vector<float> variance;
    Tensor dZ;
    std::vector<float> dgamma;
    std::vector<float> dbeta;

    std::vector<float> all() const {
      std::vector<float> values;
      for (const auto part : {Y.values(), dZ.values()}) {
        append(values, part);
      }
      for (const auto& part : {mean, variance, dgamma, dbeta}) {
        append(values, part);
      }
      return values;
    }
  };

  Result run(KernelPath path) const {
    const Shape& shape = Z.shape();
    const auto channels = static_cast<size_t>(shape.c);
    const std::vector<float> unset(channels, -77);
    Result result{Tensor(shape), unset, unset, Tensor(shape), unset, unset};
    const std::unique_ptr<BatchNorm> batchnorm = make_batchnorm(path, shape, epsilon);
    batchnorm->feedforward(Z, gamma, beta, shift, {result.mean, result.variance}, result.Y);
    batchnorm->backpropagate(dY, Z, gamma, result.mean, result.variance, result.dZ, result.dgamma, result.dbeta);
    return result;
  }
};

inline BatchNormCase random_batchnorm(const Shape& shape, Random& random, float mean = 0.5F, float deviation = 2) {
  const auto channels = static_cast<size_t>(shape.c);
  return {random_tensor(shape, random, mean, deviation), random_tensor(shape, random, 0.1F, 1),
          random_values(channels, random, 1, 0.3F), random_values(channels, random),
          random_values(channels, random, mean, deviation / 4)};
}

}  // namespace trainer::testing_support
