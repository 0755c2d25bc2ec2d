#pragma once

#include <span>

namespace trainer {

/// The value that an estimate of FF works with: sign and exponent of each factor, the mantissa taken as 1.5. Zero and
/// subnormal values give 0; infinities and NaN give NaN. `to` may be `from`.
void exponent_only(std::span<const float> from, std::span<float> to);

}  // namespace trainer
