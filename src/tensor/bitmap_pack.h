#pragma once

#include <cstddef>
#include <cstdint>

namespace trainer {

/// Writes bit i % 8 of bits[i / 8] = (values[i] != 0) for i < count, with zeros up to the end of the last byte, and
/// returns how many are set. NaN counts as non-zero.
size_t pack_nonzeros(const float* values, size_t count, uint8_t* bits);

}  // namespace trainer
