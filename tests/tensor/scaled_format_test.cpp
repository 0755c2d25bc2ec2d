#include "tensor/scaled_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace trainer {
namespace {

const char* const kSplits[] = {"e1m6", "e2m5", "e3m4", "e4m3", "e5m2", "e6m1", "e7m0"};

TEST(ScaledFormat, TheScaleIsTheSmallestThatHoldsTheMagnitude) {
  for (const char* name : kSplits) {
    const FloatFormat format = parse_float8(name);
    for (int power = -30; power <= 30; ++power) {
      const float largest = std::ldexp(format.largest(), power);
      if (power < smallest_scale(format) || power >= largest_scale(format)) {
        continue;
      }
      EXPECT_EQ(scaled_for(format, largest).scale, power) << name;
      EXPECT_EQ(scaled_for(format, std::nextafter(largest, 1e38F)).scale, power + 1) << name;
      EXPECT_EQ(scaled_for(format, largest).largest(), largest) << name;
    }
  }
}

TEST(ScaledFormat, TheScaleStaysWithinItsLimits) {
  for (const char* name : kSplits) {
    const FloatFormat format = parse_float8(name);
    EXPECT_EQ(scaled_for(format, 0).scale, 0);
    EXPECT_EQ(scaled_for(format, 1e-38F).scale, smallest_scale(format));
    EXPECT_EQ(scaled_for(format, 3e38F).scale, largest_scale(format));
    EXPECT_EQ(scaled_for(format, std::numeric_limits<float>::infinity()).scale, largest_scale(format));
    EXPECT_EQ(scaled_for(format, std::numeric_limits<float>::quiet_NaN()).scale, largest_scale(format));
    const float step = std::ldexp(decode(format, 1), smallest_scale(format));
    EXPECT_GE(step, 0x1p-100F) << name;
    EXPECT_LT(scaled_for(format, 3e38F).largest(), 0x1p101F) << name;
  }
}

TEST(ScaledFormat, RoundsInUnitsOfTheScale) {
  EXPECT_EQ(round_to({kE4M3, 0}, 17), 16);  // half way between 16 and 18
  EXPECT_EQ(round_to({kE4M3, 0}, 19), 20);
  EXPECT_EQ(round_to({kE4M3, 3}, 8 * 17), 8 * 16);
  EXPECT_EQ(round_to({kE4M3, -3}, 100), 56);
  EXPECT_EQ(round_to({kE5M2, -20}, -1), -57344 * 0x1p-20F);
  EXPECT_TRUE(std::isnan(round_to({kE4M3, -3}, 100, Overflow::by_definition)));
  EXPECT_EQ(round_to({kE4M3, 0}, 0x1p-10F), 0);  // to even
  EXPECT_EQ(round_to({kE4M3, -5}, 0x1p-10F), 0x1p-10F);
}

}  // namespace
}  // namespace trainer
