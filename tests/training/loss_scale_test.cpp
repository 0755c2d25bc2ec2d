#include "training/loss_scale.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace trainer {
namespace {

TEST(LossScale, IsOneInFp32WhateverHappens) {
  LossScale scale(Format::fp32);
  EXPECT_FALSE(scale.active());
  for (int i = 0; i < 5000; ++i) {
    scale.step_done(false);
  }
  EXPECT_EQ(scale.value(), 1);
}

TEST(LossScale, HalvesOnOverflowAndDoublesAfterTwoThousandGoodSteps) {
  LossScale scale(Format::fp16);
  EXPECT_EQ(scale.value(), 65536);
  scale.step_done(true);
  EXPECT_EQ(scale.value(), 32768);
  for (int i = 0; i < 1999; ++i) {
    scale.step_done(false);
  }
  EXPECT_EQ(scale.value(), 32768);
  scale.step_done(false);
  EXPECT_EQ(scale.value(), 65536);
  for (int i = 0; i < 1999; ++i) {
    scale.step_done(false);
  }
  scale.step_done(true);  // and the count starts again
  EXPECT_EQ(scale.value(), 32768);
  EXPECT_EQ(scale.steps_since_change(), 0);
}

TEST(LossScale, GivesUpWhenEverythingOverflows) {
  LossScale scale(Format::fp16);
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) {
          scale.step_done(true);
        }
      },
      SystemFailure);
  EXPECT_LT(scale.value(), 1e-6);
}

TEST(LossScale, UnscalesEveryGradientAndSeesWhatIsNotFinite) {
  Parameter a;
  a.gradient.assign(100000, 65536);
  Parameter b;
  b.gradient.assign(3, -131072);
  const std::vector<Parameter*> parameters = {&a, &b};
  const LossScale scale(Format::fp16);
  EXPECT_TRUE(scale.unscale(parameters));
  EXPECT_TRUE(std::all_of(a.gradient.begin(), a.gradient.end(), [](float value) { return value == 1; }));
  EXPECT_EQ(b.gradient[2], -2);
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    a.gradient[77777] = bad;
    EXPECT_FALSE(scale.unscale(parameters));
    EXPECT_FALSE(all_finite(a.gradient));
    a.gradient[77777] = 0;
    EXPECT_TRUE(all_finite(a.gradient));
  }
}

}  // namespace
}  // namespace trainer
