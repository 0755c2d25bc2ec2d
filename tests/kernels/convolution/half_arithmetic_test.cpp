// What the path `half` computes, where the answer tells how it was added: in FP16 within a chunk, in FP32 across
// chunks.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/cpu_features.h"
#include "base/error.h"
#include "kernels/convolution/exact.h"
#include "kernels/convolution/half/half_kernels.h"

namespace trainer {
namespace {

using testing::Operands;
using testing::Results;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class HalfArithmetic : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_has_half_arithmetic()) {
      GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
    }
  }
};

Tensor filled(const Shape& shape, float value) {
  Tensor tensor(shape);
  tensor.fill(value);
  return tensor;
}

/// Z of a 1x1 convolution of one position that weighs ones: all outputs alike, the sum of the weights in this order.
float sum_of_weights(const std::vector<float>& W) {
  const ConvolutionGeometry geometry{.n = 3, .c = static_cast<int64_t>(W.size())};
  const auto pattern = Pattern::full(1, geometry.c);
  Tensor Z(geometry.output());
  make_convolution(KernelPath::half, geometry)->feedforward(filled(geometry.input(), 1), {pattern, W}, Z);
  EXPECT_EQ(std::isnan(Z.data()[0]), std::isnan(Z.data()[2]));
  return Z.data()[0];
}

/// kHalfChunk weights that begin with these and go on with zeros (which are not pruned).
std::vector<float> chunk(std::vector<float> first) {
  first.resize(kHalfChunk, 0);
  return first;
}

std::vector<float> chunks(const std::vector<std::vector<float>>& parts) {
  std::vector<float> all;
  for (const std::vector<float>& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

const float kTiny = std::ldexp(1.0F, -12);  // half of what FP16 can add to 1

TEST_F(HalfArithmetic, AddsInFp16WithinAChunk) { EXPECT_EQ(sum_of_weights(chunk({1, kTiny})), 1); }

TEST_F(HalfArithmetic, AddsInFp32AcrossChunks) {
  EXPECT_EQ(sum_of_weights(chunks({chunk({1}), chunk({kTiny})})), 1 + kTiny);
  EXPECT_EQ(sum_of_weights(chunks({chunk({1}), chunk({kTiny, 1}), chunk({kTiny})})), 2 + kTiny);
}

TEST_F(HalfArithmetic, APartialSumThatOverflowsIsInfiniteAndStaysSo) {
  EXPECT_EQ(sum_of_weights(chunk({60000, 5024})), 65024);
  EXPECT_EQ(sum_of_weights(chunk({60000, 6000})), kInfinity);
  EXPECT_EQ(sum_of_weights(chunk({60000, 6000, -60000})), kInfinity);
  EXPECT_EQ(sum_of_weights(chunk({-60000, -6000})), -kInfinity);
}

TEST_F(HalfArithmetic, SumsOfChunksMayGoBeyondFp16) {
  EXPECT_EQ(sum_of_weights(chunks({chunk({60000}), chunk({60000})})), 120000);
  EXPECT_EQ(sum_of_weights(chunks({chunk({60000, 6000}), chunk({-60000})})), kInfinity);
  EXPECT_TRUE(std::isnan(sum_of_weights(chunks({chunk({60000, 6000}), chunk({-60000, -6000})}))));
}

TEST_F(HalfArithmetic, WeightsAreRoundedAsAnFp16RunRoundsThem) {
  EXPECT_EQ(sum_of_weights({65519}), 65504);
  EXPECT_EQ(sum_of_weights({65520}), kInfinity);
  EXPECT_EQ(sum_of_weights({1 + kTiny}), 1);
  EXPECT_EQ(sum_of_weights({std::ldexp(1.0F, -24)}), std::ldexp(1.0F, -24));  // the smallest subnormal
  EXPECT_EQ(sum_of_weights({std::ldexp(1.0F, -25)}), 0);
  EXPECT_TRUE(std::isnan(sum_of_weights({std::numeric_limits<float>::quiet_NaN()})));
}

TEST_F(HalfArithmetic, ProductsBelowTheSmallestNumberCountOnlyWithWhatIsThere) {
  const ConvolutionGeometry geometry{.c = 2};
  const auto pattern = Pattern::full(1, 2);
  const auto convolution = make_convolution(KernelPath::half, geometry);
  Tensor X = filled(geometry.input(), std::ldexp(1.0F, -13));
  Tensor Z(geometry.output());
  // 2^-26 each: nothing on their own. 3 * 2^-26 is rounded to 2^-24.
  std::vector<float> W = {std::ldexp(1.0F, -13), std::ldexp(1.0F, -13)};
  convolution->feedforward(X, {pattern, W}, Z);
  EXPECT_EQ(Z.data()[0], 0);
  W[0] *= 3;
  convolution->feedforward(X, {pattern, W}, Z);
  EXPECT_EQ(Z.data()[0], std::ldexp(1.0F, -24));
}

/// The gradient of one weight, of these values of X at each of the positions and dZ = 1.
float weight_gradient(const ConvolutionGeometry& geometry, const std::vector<float>& X_of_position) {
  Tensor X(geometry.input());
  for (int64_t i = 0; i < X.size(); ++i) {
    X.data()[i] = X_of_position[static_cast<size_t>(i % geometry.n) % X_of_position.size()];
  }
  const auto pattern = Pattern::full(1, 1);
  std::vector<float> dW(1);
  make_convolution(KernelPath::half, geometry)->weight_gradient(filled(geometry.output(), 1), X, pattern, dW);
  return dW[0];
}

TEST_F(HalfArithmetic, WeightGradientsOfManyProductsGoBeyondFp16AndKeepTheirDigits) {
  // 4096 products in all: added in FP16 alone, the sum would stop at 2048 (1 is then half a unit in the last place).
  EXPECT_EQ(weight_gradient({.n = 64, .h = 8, .w = 8}, {1}), 4096);
  EXPECT_EQ(weight_gradient({.n = 64, .h = 8, .w = 8}, {100}), 409600);
}

TEST_F(HalfArithmetic, WeightGradientsOverflowToInfinityAndNotANumber) {
  EXPECT_EQ(weight_gradient({.n = 64, .h = 8, .w = 8}, {60000}), kInfinity);
  EXPECT_EQ(weight_gradient({.n = 64, .h = 8, .w = 8}, {-60000}), -kInfinity);
  // Lanes of either sign.
  EXPECT_TRUE(std::isnan(weight_gradient({.n = 64, .h = 8, .w = 8}, {60000, -60000})));
}

// Small whole numbers have exact sums in FP16 in any order: a product that is lost or taken twice shows, however many
// there are.
TEST_F(HalfArithmetic, IsExactOnSmallWholeNumbers) {
  Random random(41);
  for (int i = 0; i < testing::kRandomProblems; ++i) {
    const std::string problem = testing::random_problem(random);
    Operands operands(parse_convolution_problem(problem));
    for (const std::span<float> values :
         {std::span<float>(operands.W), operands.X.values(), operands.dZ.values(), operands.dX.values()}) {
      for (float& value : values) {
        value = std::round(3 * value) + 0.0F;  // no zero below zero
      }
    }
    const Results half(*make_convolution(KernelPath::half, operands.geometry), operands);
    const Results reference(*make_convolution(KernelPath::reference, operands.geometry), operands);
    ASSERT_EQ(half, reference) << problem;
  }
}

TEST(HalfArithmeticBound, GrowsWithTheChunkAndNoFurther) {
  const double v = std::ldexp(1.0, -11);
  EXPECT_EQ(testing::half_error_bound(0).relative, 0);
  EXPECT_EQ(testing::half_error_bound(0).absolute, 0);
  EXPECT_NEAR(testing::half_error_bound(1).relative, v, 1e-3 * v);
  EXPECT_NEAR(testing::half_error_bound(kHalfChunk).relative, kHalfChunk * v, 0.01 * kHalfChunk * v);
  EXPECT_NEAR(testing::half_error_bound(10000).relative, kHalfChunk * v, 0.02 * kHalfChunk * v);
}

class WithoutHalfArithmetic : public ::testing::Test {
 protected:
  void SetUp() override { setenv("TRAINER_CPU_FP16", "off", 1); }
  void TearDown() override { unsetenv("TRAINER_CPU_FP16"); }
};

TEST_F(WithoutHalfArithmetic, ThePathIsRefusedInOneLine) {
  try {
    make_convolution(KernelPath::half, {});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_EQ(std::string(error.what()), std::string("kernels half: this CPU has no ") + half_arithmetic_name() +
                                             "; choose auto, reference, highway or onednn");
  }
}

}  // namespace
}  // namespace trainer
