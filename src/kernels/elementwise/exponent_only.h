#pragma once

#include <span>

namespace trainer {

/// The value that an estimate of FF works with: sign and exponent of each factor, the mantissa taken as 1.5. Magnitudes
/// below `smallest_normal` give 0: in the values' own format they are subnormal, and their exponents say nothing of
/// them. Infinities and NaN give NaN. `to` may be `from`.
void exponent_only(std::span<const float> from, std::span<float> to, float smallest_normal);

}  // namespace trainer
