#include "network/quantiser.h"

#include <gtest/gtest.h>

#include <limits>

namespace trainer {
namespace {

Tensor tensor_of(float first, float second) {
  Tensor tensor({1, 2, 1, 1});
  tensor.data()[0] = first;
  tensor.data()[1] = second;
  return tensor;
}

/// The largest value that an output of node 0 can have now: huge values saturate there.
float reach(Quantiser& quantiser) {
  Tensor huge = tensor_of(1e30F, 0);
  quantiser.round_output(0, false, huge);
  return huge.data()[0];
}

void step(Quantiser& quantiser, float magnitude, bool overflowed = false) {
  Tensor output = tensor_of(magnitude, -magnitude / 2);
  quantiser.round_output(0, true, output);
  quantiser.step_done(overflowed);
}

TEST(Quantiser, BeforeTheFirstStepTheScaleFitsThePresentValues) {
  Quantiser quantiser(Precision::fp8(), 2);
  Tensor output = tensor_of(1000, 3);
  quantiser.round_output(0, true, output);
  EXPECT_EQ(output.data()[0], 1024);  // in units of 2^6 at the top, of 4 * 2^-6 here
  EXPECT_EQ(output.data()[1], 3);
}

TEST(Quantiser, LaterTheScaleFitsTheStepsBefore) {
  Quantiser quantiser(Precision::fp8(), 2);
  step(quantiser, 400);
  EXPECT_EQ(reach(quantiser), 448);
  step(quantiser, 10000);  // saturates, and counts
  EXPECT_EQ(reach(quantiser), 448 * 32);
  Tensor other = tensor_of(3, 1);
  quantiser.round_output(1, true, other);  // has a scale of its own
  EXPECT_EQ(other.data()[0], 3);
}

TEST(Quantiser, ForgetsAfterSixteenSteps) {
  Quantiser quantiser(Precision::fp8(), 1);
  step(quantiser, 400 * 64);
  for (size_t i = 1; i < Quantiser::kHistory; ++i) {
    step(quantiser, 400);
    EXPECT_EQ(reach(quantiser), 448 * 64) << i;
  }
  step(quantiser, 400);
  EXPECT_EQ(reach(quantiser), 448);
}

TEST(Quantiser, StepsThatOverflowedLeaveNoTrace) {
  Quantiser quantiser(Precision::fp8(), 1);
  step(quantiser, 400);
  step(quantiser, 1e20F, true);
  EXPECT_EQ(reach(quantiser), 448);
  step(quantiser, std::numeric_limits<float>::infinity());
  EXPECT_EQ(reach(quantiser), 448);
}

TEST(Quantiser, SaysWhetherAGradientOverflowed) {
  Quantiser quantiser(Precision::fp8(), 1);
  const auto overflows = [&quantiser](float value) {
    Tensor gradient = tensor_of(1, value);
    quantiser.round_gradient(0, gradient);
    const bool overflowed = quantiser.overflowed();
    quantiser.step_done(overflowed);
    EXPECT_FALSE(quantiser.overflowed());
    return overflowed;
  };
  EXPECT_FALSE(overflows(0x1p100F));
  EXPECT_FALSE(overflows(3));
  EXPECT_TRUE(overflows(-0x1p102F));
  EXPECT_TRUE(overflows(std::numeric_limits<float>::infinity()));
  EXPECT_TRUE(overflows(std::numeric_limits<float>::quiet_NaN()));
  Tensor output = tensor_of(0x1p120F, 1);
  quantiser.round_output(0, true, output);
  EXPECT_FALSE(quantiser.overflowed());
}

TEST(Quantiser, InferenceLeavesNoTrace) {
  Quantiser quantiser(Precision::fp8(), 1);
  Tensor output = tensor_of(400, 1);
  quantiser.round_output(0, false, output);
  quantiser.step_done(false);
  EXPECT_EQ(std::vector<float>(quantiser.history().begin(), quantiser.history().end()),
            std::vector<float>(quantiser.history().size(), 0.0F));
}

TEST(Quantiser, GradientsHaveTheGradientsFormatAndTheLargestOfSeveralCounts) {
  Quantiser quantiser(Precision::fp8(), 1);
  for (const float magnitude : {100.0F, 57000.0F, 3.0F}) {
    Tensor gradient = tensor_of(magnitude, 1);
    quantiser.round_gradient(0, gradient);
  }
  quantiser.step_done(false);
  Tensor gradient = tensor_of(1e30F, 9);
  quantiser.round_gradient(0, gradient);
  EXPECT_EQ(gradient.data()[0], 57344);
  EXPECT_EQ(gradient.data()[1], 8);  // two bits of mantissa; half way, to even
}

TEST(Quantiser, RestoredGoesOnAsBefore) {
  Quantiser quantiser(Precision::fp8(), 1);
  step(quantiser, 400 * 64);
  step(quantiser, 400);
  Quantiser restored(Precision::fp8(), 1);
  restored.restore(quantiser.history());
  for (size_t i = 0; i < Quantiser::kHistory; ++i) {
    step(quantiser, 300);
    step(restored, 300);
    EXPECT_EQ(reach(restored), reach(quantiser)) << i;
  }
  EXPECT_EQ(reach(restored), 448);
}

}  // namespace
}  // namespace trainer
