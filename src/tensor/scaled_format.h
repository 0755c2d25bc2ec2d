#pragma once

#include "tensor/float_format.h"

namespace trainer {

/// Values of a format times a power of two: what a tensor with a scale of its own can hold.
struct ScaledFormat {
  FloatFormat format;
  int scale = 0;  ///< exponent of the power of two, within the limits below

  float largest() const;
  /// Smaller magnitudes are subnormal.
  float smallest_normal() const;
};

/// Between them every value and every step between two is a normal FP32 number with room to spare: magnitudes from
/// 2^-100 to 2^100.
int smallest_scale(const FloatFormat& format);
int largest_scale(const FloatFormat& format);
/// The smallest scale with which `largest_magnitude` is no more than the largest value, as far as the limits allow: 0
/// for 0, the largest for what is not finite.
ScaledFormat scaled_for(const FloatFormat& format, float largest_magnitude);

/// The nearest value there is, ties to even.
float round_to(const ScaledFormat& format, float value, Overflow overflow = Overflow::saturate);

}  // namespace trainer
