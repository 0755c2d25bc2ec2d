#include "tensor/float_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "tensor/half.h"

namespace trainer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const char* const kEverySplit[] = {"e1m6", "e2m5", "e3m4", "e4m3", "e5m2", "e6m1", "e7m0"};

std::vector<FloatFormat> every_format() {
  std::vector<FloatFormat> formats;
  for (const char* name : kEverySplit) {
    formats.push_back(parse_float8(name));
  }
  formats.push_back(kBinary16);
  return formats;
}

bool is_finite_code(const FloatFormat& format, uint32_t magnitude) { return magnitude <= format.largest_code(); }

// Tables 1 and 2 of OFP8 1.0.
TEST(FloatFormat, Float8IsAsPublished) {
  EXPECT_EQ(parse_float8("e4m3"), kE4M3);
  EXPECT_EQ(parse_float8("e5m2"), kE5M2);
  EXPECT_EQ(decode(kE4M3, 0x7E), 448);
  EXPECT_EQ(decode(kE4M3, 0x08), 0x1p-6F);  // smallest normal
  EXPECT_EQ(decode(kE4M3, 0x07), 0.875F * 0x1p-6F);
  EXPECT_EQ(decode(kE4M3, 0x01), 0x1p-9F);
  EXPECT_TRUE(std::isnan(decode(kE4M3, 0x7F)));
  EXPECT_TRUE(std::isnan(decode(kE4M3, 0xFF)));
  EXPECT_EQ(decode(kE5M2, 0x7B), 57344);
  EXPECT_EQ(decode(kE5M2, 0x04), 0x1p-14F);
  EXPECT_EQ(decode(kE5M2, 0x03), 0.75F * 0x1p-14F);
  EXPECT_EQ(decode(kE5M2, 0x01), 0x1p-16F);
  EXPECT_EQ(decode(kE5M2, 0x7C), std::numeric_limits<float>::infinity());
  EXPECT_EQ(decode(kE5M2, 0xFC), -std::numeric_limits<float>::infinity());
  for (const uint16_t code : {0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF}) {
    EXPECT_TRUE(std::isnan(decode(kE5M2, code))) << code;
  }
}

/// By the definition of the interchange formats, in double precision; finite codes alone.
double value_by_definition(const FloatFormat& format, uint32_t magnitude) {
  const uint32_t exponent = magnitude >> format.mantissa_bits;
  const double fraction =
      std::ldexp(static_cast<double>(magnitude) - std::ldexp(exponent, format.mantissa_bits), -format.mantissa_bits);
  return exponent == 0 ? std::ldexp(fraction, 1 - format.bias)
                       : std::ldexp(1 + fraction, static_cast<int>(exponent) - format.bias);
}

TEST(FloatFormat, EveryCodeDecodesByDefinitionAndEncodesBack) {
  for (const FloatFormat& format : every_format()) {
    const uint32_t sign = 1U << (format.bits() - 1);
    int numbers = 0;
    for (uint32_t code = 0; code < 2 * sign; ++code) {
      const float value = decode(format, static_cast<uint16_t>(code));
      EXPECT_EQ(std::signbit(value), code >= sign) << to_string(format) << " " << code;
      const uint32_t magnitude = code & (sign - 1);
      for (const Overflow overflow : {Overflow::saturate, Overflow::by_definition}) {
        const uint16_t again = encode(format, static_cast<double>(value), overflow);
        if (std::isnan(value)) {
          EXPECT_TRUE(std::isnan(decode(format, again)));
        } else {
          EXPECT_EQ(again, code) << to_string(format);
        }
      }
      if (is_finite_code(format, magnitude)) {
        ++numbers;
        EXPECT_EQ(std::abs(static_cast<double>(value)), value_by_definition(format, magnitude));
      } else {
        EXPECT_FALSE(std::isfinite(value)) << to_string(format) << " " << code;
      }
    }
    const bool infinite = format.special == SpecialValues::infinity_and_nan;
    const int specials = infinite ? 2 << format.mantissa_bits : 2;
    EXPECT_EQ(numbers, static_cast<int>(2 * sign) - specials) << to_string(format);
  }
}

TEST(FloatFormat, RoundsToTheNearerNeighbourAndToEvenHalfWay) {
  for (const FloatFormat& format : every_format()) {
    for (uint32_t low = 0; low < format.largest_code(); ++low) {
      const double below = value_by_definition(format, low);
      const double above = value_by_definition(format, low + 1);
      const double half_way = (below + above) / 2;
      // Even: the code is, but for a format without mantissa, where the number of steps from the last power of two is.
      const uint32_t even = format.mantissa_bits > 0 ? low + low % 2 : low == 0 ? 0 : low + 1;
      const double tiny = std::nextafter(half_way, kInfinity) - half_way;
      for (const double sign : {1.0, -1.0}) {
        const auto rounded = [&](double value) {
          return encode(format, sign * value) & ((1U << (format.bits() - 1)) - 1);
        };
        ASSERT_EQ(rounded(half_way), even) << to_string(format) << " " << low;
        ASSERT_EQ(rounded(half_way - tiny), low) << to_string(format) << " " << low;
        ASSERT_EQ(rounded(half_way + tiny), low + 1) << to_string(format) << " " << low;
        ASSERT_EQ(rounded(std::nextafter(below, above)), low) << to_string(format) << " " << low;
        ASSERT_EQ(rounded(std::nextafter(above, below)), low + 1) << to_string(format) << " " << low;
      }
    }
  }
}

TEST(FloatFormat, Binary16IsHalf) {
  Random random(3);
  for (int i = 0; i < 100000; ++i) {
    const float value = std::ldexp(random.uniform(-1, 1), static_cast<int>(random.below(50)) - 30);
    ASSERT_EQ(encode(kBinary16, static_cast<double>(value), Overflow::by_definition), to_half(value).bits) << value;
  }
}

TEST(FloatFormat, OverflowIsWhatIsAskedFor) {
  struct Case {
    FloatFormat format;
    double last;  // the largest that still rounds to the largest value
    double largest;
    double beyond;
  };
  for (const Case& c :
       {Case{kE4M3, 464, 448, std::nan("")}, Case{kE5M2, std::nextafter(61440.0, 0.0), 57344, kInfinity},
        Case{kBinary16, std::nextafter(65520.0, 0.0), 65504, kInfinity}}) {
    const auto result = [&c](double value, Overflow overflow) {
      return static_cast<double>(decode(c.format, encode(c.format, value, overflow)));
    };
    const double next = std::nextafter(c.last, kInfinity);
    for (const double value : {next, 1e30, 1e300}) {
      EXPECT_EQ(result(value, Overflow::saturate), c.largest);
      EXPECT_EQ(result(-value, Overflow::saturate), -c.largest);
      const double overflowed = result(-value, Overflow::by_definition);
      EXPECT_TRUE(std::isnan(c.beyond) ? std::isnan(overflowed) : overflowed == -c.beyond) << overflowed;
    }
    for (const Overflow overflow : {Overflow::saturate, Overflow::by_definition}) {
      EXPECT_EQ(result(c.last, overflow), c.largest);
      const double infinite = result(kInfinity, overflow);
      EXPECT_TRUE(std::isnan(c.beyond) ? std::isnan(infinite) : infinite == kInfinity) << infinite;
      EXPECT_TRUE(std::isnan(result(std::nan(""), overflow)));
      EXPECT_TRUE(std::signbit(result(-0.0, overflow)));
    }
  }
}

TEST(FloatFormat, StochasticRoundingTakesANeighbourAndIsRightOnAverage) {
  for (const FloatFormat& format : every_format()) {
    Random random(8);
    for (int i = 0; i < 20; ++i) {
      const auto low = static_cast<uint16_t>(random.below(format.largest_code()));
      const auto below = static_cast<double>(decode(format, low));
      const auto above = static_cast<double>(decode(format, static_cast<uint16_t>(low + 1)));
      const double part = static_cast<double>(random.uniform());
      const double sign = i % 2 == 0 ? 1 : -1;
      constexpr int kDraws = 4000;
      int up = 0;
      for (int draw = 0; draw < kDraws; ++draw) {
        const uint16_t code = encode_stochastically(format, sign * (below + part * (above - below)), random.next());
        const double magnitude = sign * static_cast<double>(decode(format, code));
        ASSERT_TRUE(magnitude == below || magnitude == above) << to_string(format);
        up += magnitude == above ? 1 : 0;
      }
      // Five standard deviations.
      EXPECT_NEAR(up, kDraws * part, 5 * std::sqrt(kDraws * part * (1 - part)) + 1) << to_string(format);
    }
  }
}

TEST(FloatFormat, StochasticRoundingLeavesWhatNeedsNone) {
  for (const FloatFormat& format : every_format()) {
    for (uint32_t code = 0; code <= format.largest_code(); ++code) {
      const auto value = static_cast<double>(decode(format, static_cast<uint16_t>(code)));
      ASSERT_EQ(encode_stochastically(format, value, 0), code);
      ASSERT_EQ(encode_stochastically(format, value, 0xFFFFFFFF), code);
    }
    EXPECT_EQ(encode_stochastically(format, 1e300, 0), format.largest_code());
    EXPECT_EQ(encode_stochastically(format, 1e300, 0, Overflow::by_definition) & format.nan_code(),
              format.special == SpecialValues::nan_alone ? format.nan_code() : format.infinity_code());
  }
}

TEST(FloatFormat, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "e4", "e4m4", "e0m7", "e8m0", "m3e4", "E4M3", "e4m3 ", "e-m8"}) {
    try {
      parse_float8(name);
      ADD_FAILURE() << name;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(),
                  testing::StartsWith(std::string("'") + name + "' is not a format of 8 bits: give eXmY"));
    }
  }
}

}  // namespace
}  // namespace trainer
