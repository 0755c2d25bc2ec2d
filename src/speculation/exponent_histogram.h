#pragma once

#include <array>
#include <cstdint>

namespace trainer {

/// Number of values by biased exponent as FP32 stores it: entry e counts |v| in [2^(e-127), 2^(e-126)), entry 0 zeros
/// and subnormal values, entry 255 what is not finite.
using ExponentHistogram = std::array<uint32_t, 256>;

}  // namespace trainer
