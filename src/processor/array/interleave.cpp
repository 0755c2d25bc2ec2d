#include "processor/array/interleave.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "processor/array/interleave.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Tiles first .. first + 3 of a block, whose words stand `words_per_tile` apart.
HWY_INLINE void four_tiles(const uint8_t* HWY_RESTRICT linear, size_t words_per_tile, size_t width,
                           uint32_t* HWY_RESTRICT words) {
  const size_t tile_bytes = words_per_tile * 4;
  size_t j = 0;
#if HWY_TARGET != HWY_SCALAR  // which has no vectors of four
  const hn::CappedTag<uint32_t, 4> d;
  const hn::Repartition<uint8_t, decltype(d)> bytes;
  if (hn::Lanes(d) == 4) {
    const auto load = [&](size_t tile)
                          HWY_ATTR { return hn::BitCast(d, hn::LoadU(bytes, linear + tile * tile_bytes + j * 4)); };
    for (; j + 4 <= words_per_tile; j += 4) {
      const auto even = load(0);
      const auto odd = load(1);
      const auto next_even = load(2);
      const auto next_odd = load(3);
      const auto low_02 = hn::InterleaveLower(d, even, next_even);
      const auto low_13 = hn::InterleaveLower(d, odd, next_odd);
      const auto high_02 = hn::InterleaveUpper(d, even, next_even);
      const auto high_13 = hn::InterleaveUpper(d, odd, next_odd);
      hn::StoreU(hn::InterleaveLower(d, low_02, low_13), d, words + j * width);
      hn::StoreU(hn::InterleaveUpper(d, low_02, low_13), d, words + (j + 1) * width);
      hn::StoreU(hn::InterleaveLower(d, high_02, high_13), d, words + (j + 2) * width);
      hn::StoreU(hn::InterleaveUpper(d, high_02, high_13), d, words + (j + 3) * width);
    }
  }
#endif
  for (; j < words_per_tile; ++j) {
    for (size_t tile = 0; tile < 4; ++tile) {
      std::memcpy(words + j * width + tile, linear + tile * tile_bytes + j * 4, 4);
    }
  }
}

void interleave(const uint8_t* linear, size_t blocks, size_t width, size_t words_per_tile, uint32_t* words) {
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t tile = 0; tile < width; tile += 4) {
      four_tiles(linear + (block * width + tile) * words_per_tile * 4, words_per_tile, width,
                 words + block * words_per_tile * width + tile);
    }
  }
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {
HWY_EXPORT(interleave);

void interleave_tiles(const uint8_t* linear, size_t blocks, size_t width, size_t words_per_tile, uint32_t* words) {
  HWY_DYNAMIC_DISPATCH(interleave)(linear, blocks, width, words_per_tile, words);
}

}  // namespace trainer
#endif
