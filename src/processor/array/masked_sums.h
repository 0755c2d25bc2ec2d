#pragma once

#include <cstddef>
#include <cstdint>

namespace trainer {

/// Rows of bits and of the sums that they add to.
struct MaskedRows {
  size_t rows;
  size_t bytes;        ///< of bits in a row
  size_t bits_stride;  ///< bytes from row to row
  size_t sums_stride;  ///< entries from row to row
};

/// In every row, sums[i] += value where bit i of `bits` is set (bit i of byte b is entry 8*b + i). Up to 8 bytes past a
/// row's bits may be read.
void add_where_set(const MaskedRows& rows, const uint8_t* bits, uint16_t value, uint16_t* sums);

}  // namespace trainer
