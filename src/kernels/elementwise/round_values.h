#pragma once

#include <cstdint>
#include <span>

#include "tensor/scaled_format.h"

namespace trainer {

/// to[i] = round_to(format, from[i], overflow), bit for bit; the two may be the same array. Returns the largest
/// magnitude among `from`, which is infinite or NaN where a value was.
float round_values(const ScaledFormat& format, Overflow overflow, std::span<const float> from, std::span<float> to);

/// To one of the two nearest values, at random and right on average (encode_stochastically()). Which one depends on
/// `seed`, `stream` and the value's place alone.
void round_values_stochastically(const ScaledFormat& format, Overflow overflow, std::span<float> values, uint64_t seed,
                                 uint64_t stream);

/// Infinite or NaN where a value is.
float largest_magnitude(std::span<const float> values);

}  // namespace trainer
