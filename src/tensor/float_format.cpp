#include "tensor/float_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace trainer {
namespace {

uint16_t sign_bit(const FloatFormat& format, double value) {
  return static_cast<uint16_t>(std::signbit(value) ? 1U << (format.bits() - 1) : 0U);
}

/// A magnitude in units of the last place that it is rounded to.
struct Units {
  double units = 0;   ///< below 2^(mantissa_bits + 1)
  int64_t below = 0;  ///< code of the units rounded down, less these units
};

Units in_units(const FloatFormat& format, double magnitude) {
  const int exponent =
      magnitude == 0 ? format.smallest_exponent() : std::max(std::ilogb(magnitude), format.smallest_exponent());
  return {std::ldexp(magnitude, format.mantissa_bits - exponent),
          static_cast<int64_t>(exponent - format.smallest_exponent()) << format.mantissa_bits};
}

/// The code of a value whose magnitude `round` makes a whole number of units.
template <typename Round>
uint16_t encode_rounded(const FloatFormat& format, double value, Overflow overflow, const Round& round) {
  const uint16_t sign = sign_bit(format, value);
  const bool has_infinity = format.special == SpecialValues::infinity_and_nan;
  const uint16_t beyond = has_infinity ? format.infinity_code() : format.nan_code();
  if (std::isnan(value)) {
    return sign | format.nan_code();
  }
  if (std::isinf(value)) {
    return sign | beyond;
  }
  const Units in = in_units(format, std::abs(value));
  // Codes of consecutive magnitudes are consecutive: a carry out of the mantissa is the next exponent.
  const int64_t code = in.below + round(in.units);
  if (code > format.largest_code()) {
    return sign | (overflow == Overflow::saturate ? format.largest_code() : beyond);
  }
  return static_cast<uint16_t>(sign | code);
}

}  // namespace

uint16_t FloatFormat::largest_code() const {
  return static_cast<uint16_t>(special == SpecialValues::infinity_and_nan ? infinity_code() - 1 : nan_code() - 1);
}

uint16_t FloatFormat::nan_code() const {
  return static_cast<uint16_t>(special == SpecialValues::infinity_and_nan
                                   ? infinity_code() | 1U << (mantissa_bits - 1)
                                   : (1U << (exponent_bits + mantissa_bits)) - 1);
}

uint16_t FloatFormat::infinity_code() const {
  return static_cast<uint16_t>(((1U << exponent_bits) - 1) << mantissa_bits);
}

int FloatFormat::largest_exponent() const { return std::ilogb(largest()); }
float FloatFormat::largest() const { return decode(*this, largest_code()); }

FloatFormat parse_float8(std::string_view name) {
  if (name.size() == 4 && name[0] == 'e' && name[2] == 'm') {
    const int exponent = name[1] - '0';
    const int mantissa = name[3] - '0';
    if (exponent >= 1 && exponent <= 7 && mantissa >= 0 && exponent + mantissa == 7) {
      const bool infinite = exponent == 5 || exponent == 6;
      return {exponent, mantissa, (1 << (exponent - 1)) - 1,
              infinite ? SpecialValues::infinity_and_nan : SpecialValues::nan_alone};
    }
  }
  throw UsageError(fmt::format(
      "'{}' is not a format of 8 bits: give eXmY with X of 1 to 7 exponent bits and Y = 7 - X mantissa bits, "
      "such as e4m3",
      name));
}

std::string to_string(const FloatFormat& format) {
  return fmt::format("e{}m{}", format.exponent_bits, format.mantissa_bits);
}

uint16_t encode(const FloatFormat& format, double value, Overflow overflow) {
  return encode_rounded(format, value, overflow, [](double units) {
    const double down = std::floor(units);
    const auto kept = static_cast<int64_t>(down);
    const double dropped = units - down;
    return kept + (dropped > 0.5 || (dropped == 0.5 && kept % 2 != 0) ? 1 : 0);
  });
}

uint16_t encode_stochastically(const FloatFormat& format, double value, uint32_t random, Overflow overflow) {
  return encode_rounded(format, value, overflow, [random](double units) {
    const double down = std::floor(units);
    return static_cast<int64_t>(down) + (random < std::ldexp(units - down, 32) ? 1 : 0);
  });
}

float decode(const FloatFormat& format, uint16_t code) {
  const auto magnitude = static_cast<uint16_t>(code & ((1U << (format.bits() - 1)) - 1));
  const float sign = magnitude == code ? 1.0F : -1.0F;
  if (format.special == SpecialValues::infinity_and_nan && magnitude == format.infinity_code()) {
    return sign * std::numeric_limits<float>::infinity();
  }
  if (magnitude > format.largest_code()) {
    return std::copysign(std::numeric_limits<float>::quiet_NaN(), sign);
  }
  const int exponent = magnitude >> format.mantissa_bits;
  const int mantissa = magnitude & ((1 << format.mantissa_bits) - 1);
  const int units = exponent == 0 ? mantissa : mantissa + (1 << format.mantissa_bits);
  const int power = std::max(exponent, 1) - format.bias - format.mantissa_bits;
  return std::copysign(std::ldexp(static_cast<float>(units), power), sign);
}

}  // namespace trainer
