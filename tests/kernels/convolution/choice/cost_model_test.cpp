#include "kernels/convolution/choice/cost_model.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace trainer {
namespace {

TEST(CostModel, AStraightLineIsFoundExactly) {
  // 2 ms + 30 ms * density
  const std::vector<HighwayTiming> timings = {{0.1, 5e-3}, {0.4, 14e-3}, {0.5, 17e-3}};
  const CostModel model = fit_cost_model(timings, 20e-3);
  EXPECT_NEAR(model.fixed_s, 2e-3, 1e-12);
  EXPECT_NEAR(model.per_density_s, 30e-3, 1e-12);
  EXPECT_EQ(model.onednn_s, 20e-3);
  EXPECT_NEAR(model.highway_s(0.25), 9.5e-3, 1e-12);
  // 2 + 30 d = 0.95 * 20
  EXPECT_NEAR(model.break_even(), 17.0 / 30, 1e-9);
}

TEST(CostModel, NoisyTimingsAreFollowedWithinTheirNoise) {
  Random random(7);
  for (int trial = 0; trial < 200; ++trial) {
    const double fixed = random.uniform(0.1F, 5);
    const double slope = random.uniform(5, 50);
    std::vector<HighwayTiming> timings;
    for (const double density : {0.1, 0.4, 0.7}) {
      timings.push_back({density, (fixed + slope * density) * random.uniform(0.97F, 1.03F)});
    }
    const CostModel model = fit_cost_model(timings, 1);
    for (const double density : {0.1, 0.3, 0.7}) {
      const double exact = fixed + slope * density;
      EXPECT_NEAR(model.highway_s(density), exact, 0.06 * exact) << "trial " << trial;
    }
  }
}

TEST(CostModel, AnErrorCountsByThePartOfItsTimingThatItIs) {
  // Without weights the large timing, off by 10 %, would push the line far off the small ones.
  const std::vector<HighwayTiming> timings = {{0.01, 1.1e-3}, {0.02, 1.2e-3}, {1, 12.1e-3}};
  const CostModel model = fit_cost_model(timings, 1);
  EXPECT_NEAR(model.highway_s(0.01), 1.1e-3, 0.02e-3);
  EXPECT_NEAR(model.highway_s(0.02), 1.2e-3, 0.02e-3);
}

TEST(CostModel, ATimeThatDoesNotGrowIsAConstant) {
  const std::vector<HighwayTiming> falling = {{0.1, 4e-3}, {0.4, 3e-3}};
  const CostModel model = fit_cost_model(falling, 5e-3);
  EXPECT_EQ(model.per_density_s, 0);
  EXPECT_GT(model.fixed_s, 3e-3);
  EXPECT_LT(model.fixed_s, 4e-3);
  EXPECT_EQ(model.break_even(), kAlways);
}

TEST(CostModel, ATimeThatWouldBeBelowZeroWithoutWeightsIsProportional) {
  const std::vector<HighwayTiming> steep = {{0.1, 1e-3}, {0.4, 8e-3}};
  const CostModel model = fit_cost_model(steep, 5e-3);
  EXPECT_EQ(model.fixed_s, 0);
  EXPECT_GT(model.per_density_s, 1e-3 / 0.1);
  EXPECT_LT(model.per_density_s, 8e-3 / 0.4);
}

TEST(CostModel, OneDensityGivesAConstant) {
  const std::vector<HighwayTiming> timings = {{1, 2e-3}, {1, 2e-3}, {1, 2e-3}};
  const CostModel model = fit_cost_model(timings, 3e-3);
  EXPECT_NEAR(model.fixed_s, 2e-3, 1e-12);
  EXPECT_EQ(model.per_density_s, 0);
}

TEST(CostModel, ANearTieIsNeverHighways) {
  // Highway is faster, but not by the margin, at any density.
  EXPECT_EQ((CostModel{.fixed_s = 0.96e-3, .per_density_s = 1e-3, .onednn_s = 1e-3}.break_even()), 0);
  EXPECT_GT((CostModel{.fixed_s = 0.94e-3, .per_density_s = 1e-3, .onednn_s = 1e-3}.break_even()), 0);
}

TEST(CostModel, BelowTheBreakEvenHighwayIsFasterByTheMargin) {
  Random random(3);
  for (int trial = 0; trial < 500; ++trial) {
    const CostModel model{random.uniform(0, 2), random.uniform(0, 5), random.uniform(0.1F, 5)};
    const double break_even = model.break_even();
    EXPECT_GE(break_even, 0);
    EXPECT_LE(break_even, kAlways);
    for (double density = 0; density <= 1; density += 0.01) {
      const bool faster = model.highway_s(density) < (1 - kMargin) * model.onednn_s;
      if (std::abs(density - break_even) > 1e-6) {
        EXPECT_EQ(density < break_even, faster) << "trial " << trial << ", density " << density;
      }
    }
  }
}

}  // namespace
}  // namespace trainer
