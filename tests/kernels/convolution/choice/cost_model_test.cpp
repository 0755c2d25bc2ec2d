#include "kernels/convolution/choice/cost_model.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace trainer {
namespace {

TEST(CostModel, AStraightLineIsFoundExactly) {
  // 2 ms + 30 ms * density
  const std::vector<SparseTiming> timings = {{0.1, 5e-3}, {0.4, 14e-3}, {0.5, 17e-3}};
  const SparseCost model = fit_sparse_cost(timings);
  EXPECT_NEAR(model.fixed_s, 2e-3, 1e-12);
  EXPECT_NEAR(model.per_density_s, 30e-3, 1e-12);
  EXPECT_NEAR(model.seconds(0.25), 9.5e-3, 1e-12);
  // 2 + 30 d = 0.95 * 20
  EXPECT_NEAR(model.break_even(20e-3), 17.0 / 30, 1e-9);
}

TEST(CostModel, NoisyTimingsAreFollowedWithinTheirNoise) {
  Random random(7);
  for (int trial = 0; trial < 200; ++trial) {
    const double fixed = random.uniform(0.1F, 5);
    const double slope = random.uniform(5, 50);
    std::vector<SparseTiming> timings;
    for (const double density : {0.1, 0.4, 0.7}) {
      timings.push_back({density, (fixed + slope * density) * random.uniform(0.97F, 1.03F)});
    }
    const SparseCost model = fit_sparse_cost(timings);
    for (const double density : {0.1, 0.3, 0.7}) {
      const double exact = fixed + slope * density;
      EXPECT_NEAR(model.seconds(density), exact, 0.06 * exact) << "trial " << trial;
    }
  }
}

TEST(CostModel, AnErrorCountsByThePartOfItsTimingThatItIs) {
  // Without weights the large timing, off by 10 %, would push the line far off the small ones.
  const std::vector<SparseTiming> timings = {{0.01, 1.1e-3}, {0.02, 1.2e-3}, {1, 12.1e-3}};
  const SparseCost model = fit_sparse_cost(timings);
  EXPECT_NEAR(model.seconds(0.01), 1.1e-3, 0.02e-3);
  EXPECT_NEAR(model.seconds(0.02), 1.2e-3, 0.02e-3);
}

TEST(CostModel, ATimeThatDoesNotGrowIsAConstant) {
  const std::vector<SparseTiming> falling = {{0.1, 4e-3}, {0.4, 3e-3}};
  const SparseCost model = fit_sparse_cost(falling);
  EXPECT_EQ(model.per_density_s, 0);
  EXPECT_GT(model.fixed_s, 3e-3);
  EXPECT_LT(model.fixed_s, 4e-3);
  EXPECT_EQ(model.break_even(5e-3), kAlways);
}

TEST(CostModel, ATimeThatWouldBeBelowZeroWithoutWeightsIsProportional) {
  const std::vector<SparseTiming> steep = {{0.1, 1e-3}, {0.4, 8e-3}};
  const SparseCost model = fit_sparse_cost(steep);
  EXPECT_EQ(model.fixed_s, 0);
  EXPECT_GT(model.per_density_s, 1e-3 / 0.1);
  EXPECT_LT(model.per_density_s, 8e-3 / 0.4);
}

TEST(CostModel, OneDensityGivesAConstant) {
  const std::vector<SparseTiming> timings = {{1, 2e-3}, {1, 2e-3}, {1, 2e-3}};
  const SparseCost model = fit_sparse_cost(timings);
  EXPECT_NEAR(model.fixed_s, 2e-3, 1e-12);
  EXPECT_EQ(model.per_density_s, 0);
}

TEST(CostModel, ANearTieIsNeverHighways) {
  // Highway is faster, but not by the margin, at any density.
  EXPECT_EQ((SparseCost{.fixed_s = 0.96e-3, .per_density_s = 1e-3}.break_even(1e-3)), 0);
  EXPECT_GT((SparseCost{.fixed_s = 0.94e-3, .per_density_s = 1e-3}.break_even(1e-3)), 0);
}

TEST(CostModel, BelowTheBreakEvenHighwayIsFasterByTheMargin) {
  Random random(3);
  for (int trial = 0; trial < 500; ++trial) {
    const SparseCost model{random.uniform(0, 2), random.uniform(0, 5)};
    const double onednn_s = random.uniform(0.1F, 5);
    const double break_even = model.break_even(onednn_s);
    EXPECT_GE(break_even, 0);
    EXPECT_LE(break_even, kAlways);
    for (double density = 0; density <= 1; density += 0.01) {
      const bool faster = model.seconds(density) < (1 - kMargin) * onednn_s;
      if (std::abs(density - break_even) > 1e-6) {
        EXPECT_EQ(density < break_even, faster) << "trial " << trial << ", density " << density;
      }
    }
  }
}

TEST(CostModel, HalfHasAPlaceOnlyWhereItIsOfferedAndThere) {
  CostModel model{.highway = {1e-3, 20e-3}, .half = SparseCost{1e-3, 10e-3}, .onednn_s = 10e-3};
  EXPECT_TRUE(model.bounds(true).has_half());
  EXPECT_NEAR(model.bounds(true).half, 0.85, 1e-9);  // 1 + 10 d = 0.95 * 10
  EXPECT_EQ(model.bounds(false), DensityBounds(model.highway.break_even(10e-3)));
  model.half = {};
  EXPECT_EQ(model.bounds(true), model.bounds(false));
}

TEST(CostModel, ANearTieOfSparsePathsIsHighways) {
  const CostModel near{.highway = {1e-3, 20e-3}, .half = SparseCost{0.96e-3, 19.2e-3}, .onednn_s = 10e-3};
  EXPECT_FALSE(near.bounds(true).has_half());
  const CostModel faster{.highway = {1e-3, 20e-3}, .half = SparseCost{0.94e-3, 18.8e-3}, .onednn_s = 10e-3};
  EXPECT_EQ(faster.bounds(true).highway, 0);
  EXPECT_TRUE(faster.bounds(true).has_half());
}

TEST(CostModel, HighwayKeepsTheDensitiesWhereHalfsConstantIsWhatCounts) {
  const CostModel model{.highway = {1e-3, 20e-3}, .half = SparseCost{1.9e-3, 7.6e-3}, .onednn_s = 10e-3};
  // 1 + 20 d = (1.9 + 7.6 d) / 0.95 = 2 + 8 d
  EXPECT_NEAR(model.bounds(true).highway, 1.0 / 12, 1e-9);
  EXPECT_NEAR(model.bounds(true).half, 1, 1e-9);
}

TEST(CostModel, TheChosenPathIsFasterThanTheOthersByTheMargin) {
  Random random(5);
  int half = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const SparseCost highway{random.uniform(0, 2), random.uniform(0, 5)};
    // Half has the lower slope, as it has on every CPU with arithmetic for it.
    const CostModel model{
        highway, SparseCost{random.uniform(0, 2), (1 - kMargin) * highway.per_density_s * random.uniform(0, 1)},
        random.uniform(0.1F, 5)};
    const DensityBounds bounds = model.bounds(true);
    for (double density = 0.005; density <= 1; density += 0.01) {
      const double of_highway = model.highway.seconds(density);
      const double of_half = model.half->seconds(density);
      const double fast_enough = (1 - kMargin) * model.onednn_s;
      switch (bounds.path(density)) {
        case KernelPath::highway:
          EXPECT_LE(of_highway, fast_enough + 1e-9) << trial;
          EXPECT_LE((1 - kMargin) * of_highway, of_half + 1e-9) << trial;
          break;
        case KernelPath::half:
          ++half;
          EXPECT_LE(of_half, fast_enough + 1e-9) << trial;
          EXPECT_LE(of_half, of_highway + 1e-9) << trial;
          break;
        default:
          EXPECT_GE(of_highway, fast_enough - 1e-9) << trial;
          EXPECT_GE(of_half, fast_enough - 1e-9) << trial;
      }
    }
  }
  EXPECT_GT(half, 1000);
}

}  // namespace
}  // namespace trainer
