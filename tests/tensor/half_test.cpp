#include "tensor/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace trainer {
namespace {

/// By the definition of binary16, in double precision.
double value_by_definition(uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  if (exponent == 31) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

TEST(Half, EveryEncodingIsWhatTheDefinitionSays) {
  for (uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    const double expected = value_by_definition(half.bits);
    const float value = to_float(half);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(to_float(to_half(value)))) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), expected) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
      ASSERT_EQ(to_half(value).bits, half.bits);
    }
  }
}

TEST(Half, RoundsToTheNearestAndToEvenHalfWay) {
  for (uint16_t bits = 0; bits < 0x7BFF; ++bits) {  // every pair of neighbours from 0 to 65504
    const float low = to_float(Half{bits});
    const float high = to_float(Half{static_cast<uint16_t>(bits + 1)});
    const float middle = (low + high) / 2;  // exact: 11 bits and one more
    const auto even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(to_half(middle).bits, even) << bits;
    ASSERT_EQ(to_half(-middle).bits, even | 0x8000) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, low)).bits, bits);
    ASSERT_EQ(to_half(std::nextafter(middle, high)).bits, bits + 1);
  }
}

TEST(Half, OverflowsToInfinityAndVanishesToZero) {
  EXPECT_EQ(to_half(65519.996F).bits, 0x7BFF);
  EXPECT_EQ(to_half(65520).bits, 0x7C00);
  EXPECT_EQ(to_half(-1e30F).bits, 0xFC00);
  EXPECT_EQ(to_half(std::numeric_limits<float>::infinity()).bits, 0x7C00);
  EXPECT_EQ(to_half(0x1p-25F).bits, 0);
  EXPECT_EQ(to_half(std::nextafter(0x1p-25F, 1.0F)).bits, 1);
  EXPECT_EQ(to_half(-std::numeric_limits<float>::denorm_min()).bits, 0x8000);
}

}  // namespace
}  // namespace trainer
