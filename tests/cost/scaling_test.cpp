#include "cost/scaling.h"

#include <gtest/gtest.h>

namespace trainer {
namespace {

// With the quadratic of 45 nm and 28 nm = 2/3 of 32 nm + 1/3 of 20 nm, written out:
//   E45(0.9) = 1.103*0.81 - 0.362*0.9 + 0.2767 = 0.84433
//   E32(0.9) = 0.9559*0.81 - 0.7823*0.9 + 0.471 = 0.541209,  E20(0.9) = 0.373*0.81 - 0.1582*0.9 + 0.04104 = 0.20079
//   E28(0.9) = 0.427736
//   E28(0.6) = 2/3 * 0.345744 + 1/3 * 0.0804 = 0.257296
TEST(Scaling, EnergyOfTheQuadraticsByHand) {
  EXPECT_NEAR(energy_scale({45, 0.9}, {28, 0.9}), 0.427736 / 0.84433, 1e-6);
  EXPECT_NEAR(energy_scale({45, 0.9}, {28, 0.6}), 0.257296 / 0.84433, 1e-6);
  EXPECT_NEAR(energy_scale({28, 0.9}, {28, 0.6}), 0.257296 / 0.427736, 1e-6);
}

TEST(Scaling, TwentyEightIsNearerToThirtyTwoThanToTwenty) {
  const double factor = energy_scale({45, 0.9}, {28, 0.9});
  EXPECT_NEAR(factor, 0.507, 5e-4);
  EXPECT_GT(factor, 0.45);  // with the weights swapped it would be 0.372
}

TEST(Scaling, ThereAndBackAgainIsOne) {
  for (const double node_nm : {130.0, 100.0, 65.0, 40.0, 28.0, 22.0, 20.0, 7.0}) {
    EXPECT_NEAR(energy_scale({node_nm, 0.8}, {28, 0.6}) * energy_scale({28, 0.6}, {node_nm, 0.8}), 1, 1e-12);
    EXPECT_NEAR(area_scale(node_nm, 28) * area_scale(28, node_nm), 1, 1e-12);
    EXPECT_EQ(energy_scale({node_nm, 0.8}, {node_nm, 0.8}), 1);
    EXPECT_EQ(area_scale(node_nm, node_nm), 1);
  }
}

TEST(Scaling, EnergyGrowsWithVoltage) {
  for (double V = 0.6; V < 1.05; V += 0.05) {
    EXPECT_LT(energy_scale({28, 0.6}, {28, V}), energy_scale({28, 0.6}, {28, V + 0.05}));
  }
}

TEST(Scaling, AreaByHand) {
  EXPECT_NEAR(area_scale(45, 28), 2.0 / 3 * 0.46 + 1.0 / 3 * 0.21, 1e-12);
  // 40 nm is 8/13 of 45 nm and 5/13 of 32 nm
  EXPECT_NEAR(area_scale(40, 45), 1 / (8.0 / 13 + 5.0 / 13 * 0.46), 1e-12);
}

TEST(Scaling, LeakageFollowsTheCubeOfTheVoltage) { EXPECT_DOUBLE_EQ(leakage_scale(0.6, 0.9), 3.375); }

}  // namespace
}  // namespace trainer
