#include "tensor/half.h"

#include <bit>

namespace trainer {
namespace {

constexpr uint32_t kFloatInfinity = 0x7F800000;
constexpr uint16_t kHalfInfinity = 0x7C00;

/// value >> shift, to nearest even.
uint32_t shift_to_nearest_even(uint32_t value, int shift) {
  const uint32_t kept = value >> shift;
  const uint32_t dropped = value & ((uint32_t{1} << shift) - 1);
  const uint32_t half = uint32_t{1} << (shift - 1);
  return kept + (dropped > half || (dropped == half && (kept & 1) != 0) ? 1 : 0);
}

}  // namespace

float to_float(Half value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000U) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1F;
  const uint32_t mantissa = value.bits & 0x3FF;
  if (exponent == 0) {  // mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) {
    // A signalling NaN becomes quiet, as with the CPU's conversions.
    const uint32_t quiet = mantissa == 0 ? 0 : 0x400000;
    return std::bit_cast<float>(sign | kFloatInfinity | quiet | mantissa << 13);
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

Half to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > kFloatInfinity) {
    return {static_cast<uint16_t>(sign | kHalfInfinity | 0x200 | (magnitude >> 13 & 0x3FF))};
  }
  constexpr uint32_t kOverflow = 0x477FF000;        // 65520, half way from 65504 to what would be the next
  constexpr uint32_t kSmallestNormal = 0x38800000;  // 2^-14
  constexpr uint32_t kVanishes = 0x33000000;        // 2^-25, half of the smallest subnormal: to even, 0
  if (magnitude >= kOverflow) {
    return {static_cast<uint16_t>(sign | kHalfInfinity)};
  }
  if (magnitude >= kSmallestNormal) {
    return {static_cast<uint16_t>(sign | shift_to_nearest_even(magnitude - (uint32_t{112} << 23), 13))};
  }
  if (magnitude <= kVanishes) {
    return {sign};
  }
  const uint32_t exponent = magnitude >> 23;
  const uint32_t mantissa = (magnitude & 0x7FFFFF) | 0x800000;
  return {static_cast<uint16_t>(sign | shift_to_nearest_even(mantissa, static_cast<int>(126 - exponent)))};
}

}  // namespace trainer
