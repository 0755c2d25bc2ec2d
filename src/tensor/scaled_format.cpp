#include "tensor/scaled_format.h"

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

constexpr int kLargestMagnitude = 100;  // as exponent of two

}  // namespace

float ScaledFormat::largest() const { return std::ldexp(format.largest(), scale); }

float ScaledFormat::smallest_normal() const { return std::ldexp(1.0F, format.smallest_exponent() + scale); }

int smallest_scale(const FloatFormat& format) {
  return -kLargestMagnitude - (format.smallest_exponent() - format.mantissa_bits);
}

int largest_scale(const FloatFormat& format) { return kLargestMagnitude - format.largest_exponent(); }

ScaledFormat scaled_for(const FloatFormat& format, float largest_magnitude) {
  if (largest_magnitude == 0) {
    return {format, 0};
  }
  if (!std::isfinite(largest_magnitude)) {
    return {format, largest_scale(format)};
  }
  int exponent = 0;
  int format_exponent = 0;
  const float fraction = std::frexp(largest_magnitude, &exponent);
  const float format_fraction = std::frexp(format.largest(), &format_exponent);
  const int scale = exponent - format_exponent + (fraction > format_fraction ? 1 : 0);
  return {format, std::clamp(scale, smallest_scale(format), largest_scale(format))};
}

float round_to(const ScaledFormat& format, float value, Overflow overflow) {
  const double unscaled = std::ldexp(static_cast<double>(value), -format.scale);
  return std::ldexp(decode(format.format, encode(format.format, unscaled, overflow)), format.scale);
}

}  // namespace trainer
