#pragma once

#include <cstddef>
#include <cstdint>

namespace trainer {

/// `blocks` blocks of `width` tiles (a multiple of 4), each of `words_per_tile` 32-bit words that follow one another in
/// `linear`: word j of tile t of a block becomes the block's word j * width + t of `words`.
void interleave_tiles(const uint8_t* linear, size_t blocks, size_t width, size_t words_per_tile, uint32_t* words);

}  // namespace trainer
