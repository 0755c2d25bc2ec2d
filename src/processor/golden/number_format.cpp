#include "processor/golden/number_format.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trainer::golden {

float round_to(const NumberFormat& format, float value) {
  if (value == 0 || std::isnan(value)) {
    return value;
  }
  const double magnitude = std::ldexp(std::fabs(static_cast<double>(value)), -format.scale);
  double rounded = magnitude;
  if (std::isfinite(value)) {
    const int exponent = std::max(std::ilogb(magnitude), format.smallest_normal);
    const double step = std::ldexp(1.0, exponent - format.mantissa_bits);
    rounded = std::nearbyint(magnitude / step) * step;
  }
  if (rounded > static_cast<double>(format.largest)) {
    rounded = format.saturates ? static_cast<double>(format.largest) : std::numeric_limits<double>::infinity();
  }
  return std::copysign(static_cast<float>(std::ldexp(rounded, format.scale)), value);
}

Exponent exponent_of(const NumberFormat& format, float value) {
  Exponent result;
  result.negative = std::signbit(value);
  if (!std::isfinite(value)) {  // all ones, above every finite number's
    result.zero = false;
    result.exponent = std::ilogb(format.largest) + 1 + format.scale;
    return result;
  }
  if (value == 0 || std::ilogb(value) - format.scale < format.smallest_normal) {
    return result;
  }
  result.zero = false;
  result.exponent = std::ilogb(value);
  return result;
}

float estimated_product(const Exponent& a, const Exponent& b) {
  if (a.zero || b.zero) {
    return 0;
  }
  constexpr float kMantissas = 1.5F * 1.5F;
  return std::ldexp(a.negative != b.negative ? -kMantissas : kMantissas, a.exponent + b.exponent);
}

}  // namespace trainer::golden
