#pragma once

#include <cstdint>

namespace trainer {

/// An IEEE 754 binary16 value: 1 sign bit, 5 exponent bits (bias 15), 10 mantissa bits; subnormals, infinities and NaN.
struct Half {
  uint16_t bits = 0;
};

/// Exact. A NaN stays one.
float to_float(Half value);
/// Nearest even; beyond 65504 (from 65520 on) infinity. A NaN stays one.
Half to_half(float value);

}  // namespace trainer
