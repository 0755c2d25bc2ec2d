#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/batchnorm/batchnorm_case.h"

namespace trainer {
namespace {

using testing_support::BatchNormCase;
using testing_support::for_each_highway_target;
using testing_support::kAllPaths;
using testing_support::random_batchnorm;

struct Errors {
  double mean = 0;      ///< in standard deviations
  double variance = 0;  ///< relative
  double y = 0;         ///< of xhat, absolute
  double dz = 0;        ///< relative to gamma * r * (largest |dY|)
};

/// Largest errors against the definition in double, moments not rounded.
Errors errors_against_double(const BatchNormCase& test, KernelPath path) {
  const auto result = test.run(path);
  const int64_t m = test.Z.shape().channel_size();
  Errors errors;
  for (int64_t c = 0; c < test.Z.shape().c; ++c) {
    const auto at = static_cast<size_t>(c);
    const float* z = test.Z.channel(c);
    const float* dy = test.dY.channel(c);
    double mean = 0;
    for (int64_t i = 0; i < m; ++i) {
      mean += z[i];
    }
    mean /= static_cast<double>(m);
    double variance = 0;
    for (int64_t i = 0; i < m; ++i) {
      variance += (z[i] - mean) * (z[i] - mean);
    }
    variance /= static_cast<double>(m);
    const double r = 1 / std::sqrt(variance + static_cast<double>(test.epsilon));
    double sum = 0;
    double product = 0;
    double largest = 0;
    for (int64_t i = 0; i < m; ++i) {
      sum += dy[i];
      product += dy[i] * (z[i] - mean) * r;
      largest = std::max(largest, std::abs(static_cast<double>(dy[i])));
    }
    errors.mean = std::max(errors.mean, std::abs(result.mean[at] - mean) / std::sqrt(variance));
    errors.variance = std::max(errors.variance, std::abs(result.variance[at] / variance - 1));
    for (int64_t i = 0; i < m; ++i) {
      const double xhat = (z[i] - mean) * r;
      const double y = test.gamma[at] * xhat + test.beta[at];
      const double dz = test.gamma[at] * r * (dy[i] - (sum + xhat * product) / static_cast<double>(m));
      errors.y = std::max(errors.y, std::abs(result.Y.channel(c)[i] - y));
      errors.dz = std::max(errors.dz, std::abs(result.dZ.channel(c)[i] - dz) / (test.gamma[at] * r * largest));
    }
  }
  return errors;
}

/// Mean 1000 standard deviations from zero: half a unit in the last place of the mean is already 3e-5 deviations, which
/// no result stored in FP32 can beat.
BatchNormCase far_from_zero(Random& random, float shift) {
  BatchNormCase test = random_batchnorm({16, 2, 32, 32}, random, 500, 0.5F);
  test.gamma = {1, 2};
  test.shift = {shift, shift};
  return test;
}

TEST(BatchNormNumerics, HighwayMeanOf1000DeviationsWhateverTheShift) {
  for_each_highway_target([](const std::string& target) {
    Random random(1);
    // A settled running mean, one that has not begun (0), one that is far beyond.
    for (const float shift : {500.1F, 0.0F, -2000.0F}) {
      const Errors errors = errors_against_double(far_from_zero(random, shift), KernelPath::highway);
      const std::string context = fmt::format("{} shift {}", target, shift);
      EXPECT_LT(errors.mean, 4e-5) << context;
      EXPECT_LT(errors.variance, 5e-6) << context;
      EXPECT_LT(errors.y, 2e-4) << context;
      EXPECT_LT(errors.dz, 2e-5) << context;
    }
  });
}

TEST(BatchNormNumerics, ReferenceMeanOf1000Deviations) {
  Random random(2);
  const Errors errors = errors_against_double(far_from_zero(random, 0), KernelPath::reference);
  EXPECT_LT(errors.mean, 4e-5);
  EXPECT_LT(errors.variance, 1e-6);
  EXPECT_LT(errors.y, 2e-4);
  EXPECT_LT(errors.dz, 2e-5);
}

// oneDNN adds a channel's values in FP32 and takes no shift; the header states these bounds.
TEST(BatchNormNumerics, OneDnnMeanOf1000DeviationsIsLessExact) {
  Random random(3);
  const Errors errors = errors_against_double(far_from_zero(random, 500), KernelPath::onednn);
  EXPECT_LT(errors.mean, 0.1);
  EXPECT_LT(errors.variance, 0.01);
  EXPECT_LT(errors.y, 0.2);
}

TEST(BatchNormNumerics, ConstantChannel) {
  for (const KernelPath path : kAllPaths) {
    for (const float value : {0.0F, 3.7F, -1234.5F}) {
      Random random(4);
      const Shape shape{17, 2, 5, 9};
      BatchNormCase test = random_batchnorm(shape, random);
      test.Z.fill(value);
      test.gamma = {1, 0.5F};
      const auto result = test.run(path);
      const std::string context = fmt::format("{} {}", to_string(path), value);
      // oneDNN adds the m values in FP32, half a unit in the last place (2^-24) each; the others round once.
      const double roundings = path == KernelPath::onednn ? static_cast<double>(shape.channel_size()) : 2;
      const double mean_bound = roundings * std::ldexp(std::abs(value), -24) + 1e-12;
      // An error of the mean shows in Y multiplied by 1/sqrt(epsilon), below 317.
      const double y_bound = 317 * mean_bound + 1e-6;
      for (size_t c = 0; c < 2; ++c) {
        EXPECT_NEAR(result.mean[c], value, mean_bound) << context;
        EXPECT_NEAR(result.variance[c], 0, mean_bound * mean_bound + 1e-12) << context;
        EXPECT_NEAR(result.Y.channel(static_cast<int64_t>(c))[3], test.beta[c], y_bound) << context;
      }
      for (const float gradient : result.dZ.values()) {
        EXPECT_TRUE(std::isfinite(gradient)) << context;
      }
    }
  }
}

TEST(BatchNormNumerics, ConstantChannelIsExactOnHighway) {
  for_each_highway_target([](const std::string& target) {
    Random random(5);
    BatchNormCase test = random_batchnorm({17, 1, 5, 9}, random);
    test.Z.fill(3.7F);
    test.shift = {0};
    const auto result = test.run(KernelPath::highway);
    EXPECT_EQ(result.mean[0], 3.7F) << target;
    EXPECT_LT(result.variance[0], 1e-12F) << target;
    for (const float y : result.Y.values()) {
      EXPECT_EQ(y, test.beta[0]) << target;
    }
  });
}

TEST(BatchNormNumerics, OneValuePerChannel) {
  // The variance of one value is 0, Y is beta, and no change of Z changes it: dZ is 0 but for rounding of
  // a*dY - a*dY, where a = gamma/sqrt(epsilon) is about 316.
  Random random(6);
  for (const KernelPath path : kAllPaths) {
    const BatchNormCase test = random_batchnorm({1, 33, 1, 1}, random);
    const auto result = test.run(path);
    for (size_t c = 0; c < 33; ++c) {
      EXPECT_EQ(result.mean[c], test.Z.data()[c]) << to_string(path);
      EXPECT_EQ(result.variance[c], 0) << to_string(path);
      EXPECT_EQ(result.Y.data()[c], test.beta[c]) << to_string(path);
      EXPECT_NEAR(result.dZ.data()[c], 0, 316 * 3 * 4 * 1.2e-7) << to_string(path);
      EXPECT_EQ(result.dgamma[c], 0) << to_string(path);
      EXPECT_EQ(result.dbeta[c], test.dY.data()[c]) << to_string(path);
    }
  }
}

TEST(BatchNormNumerics, NaNShows) {
  for (const KernelPath path : kAllPaths) {
    Random random(7);
    BatchNormCase test = random_batchnorm({17, 2, 3, 3}, random);
    test.Z.channel(1)[5] = std::numeric_limits<float>::quiet_NaN();
    const auto result = test.run(path);
    EXPECT_TRUE(std::isfinite(result.Y.channel(0)[0])) << to_string(path);
    EXPECT_TRUE(std::isnan(result.mean[1])) << to_string(path);
    EXPECT_TRUE(std::isnan(result.variance[1])) << to_string(path);
    EXPECT_TRUE(std::isnan(result.Y.channel(1)[0])) << to_string(path);
    EXPECT_TRUE(std::isnan(result.dZ.channel(1)[0])) << to_string(path);
  }
}

}  // namespace
}  // namespace trainer
