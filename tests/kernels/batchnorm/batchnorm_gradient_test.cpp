#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/batchnorm/batchnorm_case.h"

namespace trainer {
namespace {

using testing_support::BatchNormCase;
using testing_support::numeric_derivative;
using testing_support::random_batchnorm;

/// sum(dY * Y) with Y in double from the definition; its derivatives are what BP must give.
double loss_by_definition(const BatchNormCase& test) {
  const int64_t m = test.Z.shape().channel_size();
  double loss = 0;
  for (int64_t c = 0; c < test.Z.shape().c; ++c) {
    const float* z = test.Z.channel(c);
    double mean = 0;
    for (int64_t i = 0; i < m; ++i) {
      mean += z[i] / static_cast<double>(m);
    }
    double variance = 0;
    for (int64_t i = 0; i < m; ++i) {
      variance += (z[i] - mean) * (z[i] - mean) / static_cast<double>(m);
    }
    const double r = 1 / std::sqrt(variance + static_cast<double>(test.epsilon));
    for (int64_t i = 0; i < m; ++i) {
      const auto at = static_cast<size_t>(c);
      loss += test.dY.channel(c)[i] * (test.gamma[at] * (z[i] - mean) * r + test.beta[at]);
    }
  }
  return loss;
}

TEST(BatchNormGradient, IsTheNumericDerivative) {
  Random random(1);
  constexpr float kStep = 1.0F / 256;
  for (const Shape& shape : {Shape{3, 2, 2, 3}, Shape{8, 3, 1, 1}, Shape{1, 2, 5, 5}, Shape{17, 1, 2, 1}}) {
    BatchNormCase test = random_batchnorm(shape, random);
    const auto loss = [&] { return loss_by_definition(test); };
    for (const KernelPath path : testing_support::kAllPaths) {
      const std::string context = fmt::format("{} {}", to_string(path), to_string(shape));
      const auto result = test.run(path);
      for (int64_t i = 0; i < test.Z.size(); ++i) {
        EXPECT_NEAR(result.dZ.data()[i], numeric_derivative(&test.Z.data()[i], kStep, loss), 1e-4)
            << context << " dZ " << i;
      }
      for (size_t c = 0; c < test.gamma.size(); ++c) {
        EXPECT_NEAR(result.dgamma[c], numeric_derivative(&test.gamma[c], kStep, loss), 1e-4) << context << " dgamma";
        EXPECT_NEAR(result.dbeta[c], numeric_derivative(&test.beta[c], kStep, loss), 1e-4) << context << " dbeta";
      }
    }
  }
}

}  // namespace
}  // namespace trainer
