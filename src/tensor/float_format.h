#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trainer {

/// What a format has besides finite values.
enum class SpecialValues {
  infinity_and_nan,  ///< as IEEE 754: the largest exponent is infinity (mantissa 0) or NaN
  nan_alone,         ///< all ones is NaN, every other code is finite: OCP 8-bit Floating Point, E4M3
};

/// A binary floating-point format of up to 16 bits: sign, exponent, mantissa, from the highest bit down. Exponent 0 is
/// that of zeros and subnormals.
struct FloatFormat {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int bias = 0;
  SpecialValues special = SpecialValues::infinity_and_nan;

  int bits() const { return 1 + exponent_bits + mantissa_bits; }
  /// Of the smallest normal number, a power of two; the subnormals' step is 2^(that - mantissa_bits).
  int smallest_exponent() const { return 1 - bias; }
  int largest_exponent() const;
  /// Largest finite value.
  float largest() const;
  /// Codes without the sign bit.
  uint16_t largest_code() const;
  uint16_t nan_code() const;
  /// infinity_and_nan alone.
  uint16_t infinity_code() const;

  bool operator==(const FloatFormat&) const = default;
};

/// OCP 8-bit Floating Point Specification (OFP8) 1.0: largest values 448 and 57344.
inline constexpr FloatFormat kE4M3 = {4, 3, 7, SpecialValues::nan_alone};
inline constexpr FloatFormat kE5M2 = {5, 2, 15, SpecialValues::infinity_and_nan};
/// IEEE 754 binary16.
inline constexpr FloatFormat kBinary16 = {5, 10, 15, SpecialValues::infinity_and_nan};

/// `e4m3` and so on: any split of 8 bits with at least one exponent bit. The bias is 2^(exponent_bits - 1) - 1; formats
/// of 5 and 6 exponent bits have infinities, as E5M2 has, all others have NaN alone, as E4M3 has. Throws UsageError.
FloatFormat parse_float8(std::string_view name);
std::string to_string(const FloatFormat& format);

/// What becomes of finite values that round to more than the largest.
enum class Overflow {
  saturate,       ///< the largest value, with its sign
  by_definition,  ///< infinity, or NaN in a format without one
};

/// To nearest even. An infinity stays one, or becomes NaN in a format without one, in either mode of overflow: what
/// overflowed before shall still be seen. NaN stays NaN. The sign is kept, of zeros and NaN too.
uint16_t encode(const FloatFormat& format, double value, Overflow overflow = Overflow::saturate);
/// To one of the two neighbours, the farther from zero with a probability of the distance from the nearer in units of
/// their difference: on average the value itself. `random` is uniform in 32 bits.
uint16_t encode_stochastically(const FloatFormat& format, double value, uint32_t random,
                               Overflow overflow = Overflow::saturate);
/// Exact.
float decode(const FloatFormat& format, uint16_t code);

}  // namespace trainer
