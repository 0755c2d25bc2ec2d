#include "kernels/batchnorm/decoupled.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/batchnorm/batchnorm_case.h"
#include "kernels/batchnorm/rectified.h"
#include "kernels/convolution/decoupled.h"
#include "kernels/elementwise/convert.h"
#include "tensor/pattern.h"

namespace trainer {
namespace {

using testing_support::BatchNormCase;
using testing_support::expect_same_bits;
using testing_support::for_each_highway_target;
using testing_support::random_batchnorm;
using testing_support::random_tensor;
using testing_support::random_values;

struct Moments {
  std::vector<float> mean;
  std::vector<float> variance;
};

/// Z = X, by a 1x1 convolution of weight 1 that takes the sums.
Moments through_a_convolution(const Tensor& X, float shift) {
  const Shape& shape = X.shape();
  const ConvolutionGeometry geometry = {
      .n = shape.n, .c = shape.c, .h = shape.h, .w = shape.w, .k = shape.c, .groups = shape.c};
  const auto pattern = Pattern::full(shape.c, 1);
  const auto channels = static_cast<size_t>(shape.c);
  const std::vector<float> ones(channels, 1);
  const std::vector<float> shifts(channels, shift);
  std::vector<batchnorm::Sums> sums(channels);
  Tensor Z(shape);
  const OutputSums wanted = {shifts, sums};
  make_convolution(KernelPath::highway, geometry)->decoupled()->feedforward(X, nullptr, {pattern, ones}, Z, &wanted);
  Moments moments{std::vector<float>(channels, -77), std::vector<float>(channels, -77)};
  take_moments(Z, shifts, sums, {moments.mean, moments.variance});
  return moments;
}

struct MomentErrors {
  double mean = 0;      ///< in standard deviations
  double variance = 0;  ///< relative
};

MomentErrors errors_against_double(const Tensor& Z, const Moments& moments) {
  const auto m = static_cast<double>(Z.shape().channel_size());
  MomentErrors errors;
  for (int64_t c = 0; c < Z.shape().c; ++c) {
    const std::span<const float> z(Z.channel(c), static_cast<size_t>(Z.shape().channel_size()));
    double mean = 0;
    for (const float value : z) {
      mean += static_cast<double>(value) / m;
    }
    double variance = 0;
    for (const float value : z) {
      variance += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean) / m;
    }
    const auto at = static_cast<size_t>(c);
    errors.mean = std::max(errors.mean, std::abs(static_cast<double>(moments.mean[at]) - mean) / std::sqrt(variance));
    errors.variance = std::max(errors.variance, std::abs(static_cast<double>(moments.variance[at]) / variance - 1));
  }
  return errors;
}

// The bounds that batchnorm_numerics_test.cpp has for moments of BN's own pass: half a unit in the last place of a mean
// of 1000 deviations is 3e-5 of them.
TEST(DecoupledMoments, MeanOf1000DeviationsWhateverTheShift) {
  for_each_highway_target([](const std::string& target) {
    Random random(1);
    const Tensor Z = random_tensor({16, 2, 32, 32}, random, 500, 0.5F);
    for (const float shift : {500.1F, 501.0F, 0.0F, -2000.0F}) {
      const MomentErrors errors = errors_against_double(Z, through_a_convolution(Z, shift));
      const std::string context = fmt::format("{} shift {}", target, shift);
      EXPECT_LT(errors.mean, 4e-5) << context;
      EXPECT_LT(errors.variance, 5e-6) << context;
    }
  });
}

TEST(DecoupledMoments, OfShapesThatVectorsDoNotFit) {
  for_each_highway_target([](const std::string& target) {
    Random random(2);
    for (const Shape& shape : testing_support::awkward_shapes()) {
      if (shape.channel_size() < 2) {
        continue;
      }
      const Tensor Z = random_tensor(shape, random, 3, 2);
      const MomentErrors errors = errors_against_double(Z, through_a_convolution(Z, 2.5F));
      EXPECT_LT(errors.mean, 1e-5) << target << " " << to_string(shape);
      EXPECT_LT(errors.variance, 5e-6) << target << " " << to_string(shape);
    }
  });
}

TEST(DecoupledMoments, WithoutSumsAreThoseOfFeedforward) {
  for_each_highway_target([](const std::string& target) {
    Random random(4);
    for (const Shape& shape : testing_support::awkward_shapes()) {
      const BatchNormCase test = random_batchnorm(shape, random);
      const BatchNormCase::Result expected = test.run(KernelPath::highway);
      Moments moments{expected.variance, expected.mean};
      take_moments(test.Z, test.shift, {moments.mean, moments.variance});
      expect_same_bits(moments.mean, expected.mean, target + to_string(shape));
      expect_same_bits(moments.variance, expected.variance, target + to_string(shape));
    }
  });
}

TEST(DecoupledMap, HasTheBitsOfBatchNormAndRelu) {
  for_each_highway_target([](const std::string& target) {
    Random random(5);
    for (const Shape& shape : testing_support::awkward_shapes()) {
      const BatchNormCase test = random_batchnorm(shape, random);
      const std::vector<float> mean = random_values(test.gamma.size(), random);
      const std::vector<float> variance = random_values(test.gamma.size(), random, 2, 0.3F);
      std::vector<float> scale(test.gamma.size());
      take_scales(test.gamma, variance, test.epsilon, scale);
      for (const Format format : {Format::fp32, Format::fp16}) {
        Tensor Z(shape, format);
        convert(test.Z, Z);
        const auto expect_same = [&](const InputMap& map, const Tensor& expected) {
          Tensor A(shape, format);
          apply_map(map, Z, A);
          EXPECT_EQ(std::memcmp(A.elements().data, expected.elements().data, static_cast<size_t>(A.bytes())), 0)
              << target << " " << to_string(shape);
        };
        Tensor expected(shape, format);
        make_batchnorm(KernelPath::highway, shape, test.epsilon)
            ->normalise(Z, test.gamma, test.beta, mean, variance, expected);
        expect_same({mean, scale, test.beta}, expected);
        const RectifiedBatchNorm rectified(shape, test.epsilon);
        rectified.normalise(Z, test.gamma, test.beta, mean, variance, nullptr, {}, expected);
        expect_same({mean, scale, test.beta, true}, expected);
        rectified.normalise(Z, test.gamma, test.beta, mean, variance, nullptr, 0.5F, expected);
        expect_same({mean, scale, test.beta, true, 0.5F}, expected);
      }
    }
  });
}

TEST(DecoupledMoments, NaNShows) {
  Random random(3);
  Tensor Z = random_tensor({17, 2, 3, 3}, random);
  Z.channel(1)[5] = std::nanf("");
  const Moments moments = through_a_convolution(Z, 0);
  EXPECT_TRUE(std::isfinite(moments.mean[0]));
  EXPECT_TRUE(std::isnan(moments.mean[1]));
  EXPECT_TRUE(std::isnan(moments.variance[1]));
}

}  // namespace
}  // namespace trainer
