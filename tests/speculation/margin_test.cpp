#include "speculation/margin.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace trainer {
namespace {

TEST(Margin, WaitsUntilTheTargetWouldHaveShown) {
  Margin margin(0.25);
  margin.follow(399, 399, 0.01);  // 4 expected of 400
  EXPECT_EQ(margin.value(), 0.25);
  EXPECT_EQ(margin.audited(), 399);
  margin.follow(1, 0, 0.01);
  EXPECT_DOUBLE_EQ(margin.value(), 0.25 + 3 * Margin::kGain) << "far too many are live: the largest move";
  EXPECT_EQ(margin.audited(), 0);
}

TEST(Margin, MovesInProportionToWhatIsMissing) {
  Margin margin(0.25);
  margin.follow(1000, 10, 0.01);
  EXPECT_DOUBLE_EQ(margin.value(), 0.25);
  margin.follow(1000, 20, 0.01);
  EXPECT_DOUBLE_EQ(margin.value(), 0.25 + Margin::kGain);
  margin.follow(1000, 0, 0.01);
  EXPECT_DOUBLE_EQ(margin.value(), 0.25);
}

TEST(Margin, StaysWithinItsBounds) {
  Margin high(0.25);
  Margin low(0.25);
  for (int i = 0; i < 1000; ++i) {
    high.follow(1000, 1000, 0.01);
    low.follow(1000, 0, 0.01);
  }
  EXPECT_EQ(high.value(), 4);
  EXPECT_EQ(low.value(), -1);
}

/// Live share as measured on networks: falls by e for every 1/15 standard deviation of margin.
double live_share(double margin) { return std::min(1.0, 0.04 * std::exp(-15 * margin)); }

TEST(Margin, HoldsTheTargetWithinAHundredStepsWhateverTheLayersSize) {
  for (const int64_t audited : {40, 400, 4000}) {
    for (const double target : {0.01, 0.002}) {
      Margin margin(0.25);
      Random random(static_cast<uint64_t>(audited));
      double live_in_all = 0;
      const int kSteps = 4000;
      for (int step = 0; step < kSteps; ++step) {
        int64_t live = 0;
        for (int64_t i = 0; i < audited; ++i) {
          live += random.uniform() < live_share(margin.value()) ? 1 : 0;
        }
        margin.follow(audited, live, target);
        if (step >= 100) {
          live_in_all += live_share(margin.value());
        }
      }
      EXPECT_NEAR(live_in_all / (kSteps - 100) / target, 1, audited < 100 ? 0.5 : 0.2) << audited << " " << target;
    }
  }
}

}  // namespace
}  // namespace trainer
