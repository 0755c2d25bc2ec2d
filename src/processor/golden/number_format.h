#pragma once

namespace trainer::golden {

/// A format of values: binary floating point with subnormals, times a power of two that a whole tensor shares.
struct NumberFormat {
  int smallest_normal = -14;  ///< exponent of the smallest normal number
  int mantissa_bits = 10;     ///< after the leading one
  float largest = 65504;      ///< finite number
  bool saturates = false;     ///< what is larger becomes the largest; otherwise infinite
  int scale = 0;              ///< values are 2^scale times what the format writes
};

inline constexpr NumberFormat kBinary16{};
inline constexpr NumberFormat kE4M3{-6, 3, 448, true, 0};
inline constexpr NumberFormat kE5M2{-14, 2, 57344, true, 0};

/// The nearest number of the format; of two, the even one.
float round_to(const NumberFormat& format, float value);

/// All that an estimator looks at of a number.
struct Exponent {
  bool zero = true;  ///< or subnormal
  bool negative = false;
  int exponent = 0;
};
Exponent exponent_of(const NumberFormat& format, float value);
/// The product of two numbers of which nothing but this is known, each taken as 1.5 * 2^exponent: exponents are added,
/// nothing is multiplied.
float estimated_product(const Exponent& a, const Exponent& b);

}  // namespace trainer::golden
