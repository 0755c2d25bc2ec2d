#include "processor/golden/number_format.h"

#include <gtest/gtest.h>

#include <cmath>

namespace trainer::golden {
namespace {

TEST(GoldenNumberFormat, RoundsToNearestEven) {
  EXPECT_EQ(round_to(kBinary16, 2049), 2048);
  EXPECT_EQ(round_to(kBinary16, 2051), 2052);
  EXPECT_EQ(round_to(kBinary16, -2051), -2052);
  EXPECT_EQ(round_to(kE4M3, 17), 16);    // between 16 and 18
  EXPECT_EQ(round_to(kE4M3, 19), 20);    // between 18 and 20
  EXPECT_EQ(round_to(kE5M2, 4.5F), 4);   // between 4 and 5
  EXPECT_EQ(round_to(kE5M2, 5.5F), 6);   // between 5 and 6
  EXPECT_EQ(round_to(kE5M2, 5.51F), 6);  // nearer to it
}

TEST(GoldenNumberFormat, HasSubnormals) {
  EXPECT_EQ(round_to(kBinary16, std::ldexp(1.0F, -24)), std::ldexp(1.0F, -24));
  EXPECT_EQ(round_to(kBinary16, std::ldexp(1.0F, -25)), 0);  // halfway to nothing
  EXPECT_EQ(round_to(kBinary16, std::ldexp(1.5F, -25)), std::ldexp(1.0F, -24));
  EXPECT_EQ(round_to(kE4M3, std::ldexp(1.5F, -9)), std::ldexp(2.0F, -9));
}

TEST(GoldenNumberFormat, Overflows) {
  EXPECT_EQ(round_to(kBinary16, 65519), 65504);
  EXPECT_EQ(round_to(kBinary16, 65520), INFINITY);
  EXPECT_EQ(round_to(kE4M3, -1000), -448);
  EXPECT_EQ(round_to(kE5M2, 1e9F), 57344);
  EXPECT_TRUE(std::isnan(round_to(kE4M3, NAN)));
}

TEST(GoldenNumberFormat, IsTimesAPowerOfTwo) {
  NumberFormat scaled = kE4M3;
  scaled.scale = -4;
  EXPECT_EQ(round_to(scaled, 1), 1);
  EXPECT_EQ(round_to(scaled, 30), 28);  // 448 / 16
  EXPECT_EQ(round_to(scaled, 17.0F / 16), 1);
}

TEST(GoldenEstimate, AddsExponents) {
  const auto estimate = [](float a, float b) {
    return estimated_product(exponent_of(kBinary16, a), exponent_of(kBinary16, b));
  };
  EXPECT_EQ(estimate(1, 1), 2.25F);
  EXPECT_EQ(estimate(1.9F, 1.1F), 2.25F);
  EXPECT_EQ(estimate(-3, 0.3F), -2.25F * 2 / 4);
  EXPECT_EQ(estimate(-3, -5), 2.25F * 2 * 4);
  EXPECT_EQ(estimate(0, 5), 0);
  EXPECT_EQ(estimate(std::ldexp(1.0F, -14), 1), std::ldexp(2.25F, -14));
  EXPECT_EQ(estimate(std::ldexp(1.9F, -15), 1), 0) << "a subnormal number has no exponent of its own";
}

}  // namespace
}  // namespace trainer::golden
