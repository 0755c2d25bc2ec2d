#include "kernels/elementwise/round_values.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"

namespace trainer {
namespace {

const char* const kEverySplit[] = {"e1m6", "e2m5", "e3m4", "e4m3", "e5m2", "e6m1", "e7m0"};

/// Values around every value of a format, at ties, and what is special.
std::vector<float> hard_values(const ScaledFormat& to, Random& random) {
  std::vector<float> values = {0,
                               -0.0F,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::denorm_min(),
                               -1e-38F};
  for (uint32_t code = 0; code <= to.format.largest_code(); ++code) {
    const float below = std::ldexp(decode(to.format, static_cast<uint16_t>(code)), to.scale);
    const float above = code == to.format.largest_code()
                            ? std::ldexp(below, 1)
                            : std::ldexp(decode(to.format, static_cast<uint16_t>(code + 1)), to.scale);
    const float tie = below + (above - below) / 2;
    for (const float value : {below, tie, std::nextafter(tie, below), std::nextafter(tie, above),
                              std::nextafter(below, above), std::nextafter(above, below)}) {
      values.push_back(random.below(2) == 0 ? value : -value);
    }
  }
  for (int i = 0; i < 1000; ++i) {
    values.push_back(std::bit_cast<float>(random.next()));
  }
  return values;
}

void expect_as_scalar(const ScaledFormat& to, const std::vector<float>& values) {
  for (const Overflow overflow : {Overflow::saturate, Overflow::by_definition}) {
    std::vector<float> rounded = values;
    round_values(to, overflow, values, rounded);
    for (size_t i = 0; i < values.size(); ++i) {
      const float expected = round_to(to, values[i], overflow);
      ASSERT_EQ(std::bit_cast<uint32_t>(rounded[i]), std::bit_cast<uint32_t>(expected))
          << to_string(to.format) << " scale " << to.scale << ": " << values[i] << " to " << rounded[i] << ", not "
          << expected;
    }
  }
}

TEST(RoundValues, EqualsTheScalarBitForBit) {
  Random random(4);
  for (const char* name : kEverySplit) {
    const FloatFormat format = parse_float8(name);
    for (const int scale : {0, 1, -7, 20, smallest_scale(format), largest_scale(format)}) {
      expect_as_scalar({format, scale}, hard_values({format, scale}, random));
    }
  }
  expect_as_scalar({kBinary16, 0}, hard_values({kBinary16, 0}, random));
}

TEST(RoundValues, TakesAnyNumberOfValues) {
  for (size_t count = 0; count < 40; ++count) {
    std::vector<float> values(count + 1, 1.1F);
    const float largest = round_values({kE4M3, 0}, Overflow::saturate, {values.data(), count}, {values.data(), count});
    EXPECT_EQ(largest, count == 0 ? 0 : 1.1F);
    EXPECT_EQ(values, [&] {
      std::vector<float> expected(count + 1, 1.125F);
      expected.back() = 1.1F;
      return expected;
    }());
  }
}

TEST(RoundValues, ReturnsTheLargestMagnitudeBeforeRounding) {
  std::vector<float> values(200000, 0.5F);
  for (const size_t place : {size_t{0}, size_t{70001}, values.size() - 1}) {
    values[place] = -1000;
    EXPECT_EQ(largest_magnitude(values), 1000);
    std::vector<float> rounded = values;
    EXPECT_EQ(round_values({kE4M3, 0}, Overflow::saturate, values, rounded), 1000);
    EXPECT_EQ(rounded[place], -448);
    values[place] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(largest_magnitude(values), std::numeric_limits<float>::infinity());
    values[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(largest_magnitude(values)));
    EXPECT_TRUE(std::isnan(round_values({kE4M3, 0}, Overflow::saturate, values, rounded)));
    values[place] = 0.25F;
  }
}

TEST(RoundValuesStochastically, DependsOnSeedAndPlaceAloneAndIsRightOnAverage) {
  const std::vector<float> values(100000, 1.03F);  // between 1 and 1.125
  const auto run = [&](uint64_t seed, int threads) {
    set_thread_count(threads);
    std::vector<float> rounded = values;
    round_values_stochastically({kE4M3, 0}, Overflow::saturate, rounded, seed, 5);
    set_thread_count(0);
    return rounded;
  };
  const std::vector<float> rounded = run(1, 1);
  EXPECT_EQ(run(1, 3), rounded);
  EXPECT_NE(run(2, 1), rounded);
  double mean = 0;
  for (const float value : rounded) {
    ASSERT_TRUE(value == 1 || value == 1.125F);
    mean += static_cast<double>(value) / static_cast<double>(rounded.size());
  }
  EXPECT_NEAR(mean, 1.03, 5 * 0.125 * std::sqrt(0.24 * 0.76 / 100000));
}

}  // namespace
}  // namespace trainer
