#pragma once

namespace trainer {

/// A scaled format as vector kernels use it.
struct RoundingConstants {
  float smallest_power;  ///< the smallest normal number
  float to_last_place;   ///< from a power of two to the number whose last place is that of values from the power on
  float largest;
  float clamp;      ///< magnitudes beyond it round as it does
  float too_large;  ///< what more than the largest becomes
  float infinity;   ///< what an infinity becomes
};

}  // namespace trainer
