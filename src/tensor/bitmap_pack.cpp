#include "tensor/bitmap_pack.h"

#include <hwy/cache_control.h>

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/bitmap_pack.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE uint64_t load_word(const uint8_t* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

size_t pack(const float* HWY_RESTRICT values, size_t count, uint8_t* HWY_RESTRICT bits) {
  const hn::CappedTag<uint32_t, 64> d;
  const size_t lanes = hn::Lanes(d);
  size_t nonzeros = 0;
  size_t i = 0;
  // Shifting the sign out leaves 0 for both zeros and something else for all other values, NaN among them.
  const auto nonzero = [&](size_t at) {
    const auto magnitude = hn::ShiftLeft<1>(hn::LoadU(d, reinterpret_cast<const uint32_t*>(values) + at));
    return hn::Ne(magnitude, hn::Zero(d));
  };
  if (lanes >= 8) {
    // Tensors are larger than caches, and what the CPU fetches ahead on its own ends with a page.
    constexpr size_t kAhead = 1024;  // values
    constexpr size_t kEach = 64;
    for (; i + kEach <= count; i += kEach) {
      for (size_t line = 0; line < kEach; line += 16) {
        hwy::Prefetch(values + i + kAhead + line);
      }
      for (size_t at = i; at < i + kEach; at += lanes) {
        hn::StoreMaskBits(d, nonzero(at), bits + at / 8);
      }
    }
    for (size_t packed = 0; packed < i; packed += kEach) {
      nonzeros += hwy::PopCount(load_word(bits + packed / 8));
    }
    for (; i + lanes <= count; i += lanes) {
      const auto mask = nonzero(i);
      hn::StoreMaskBits(d, mask, bits + i / 8);
      nonzeros += hn::CountTrue(d, mask);
    }
  } else if (lanes == 4) {
    for (; i + 8 <= count; i += 8) {
      const auto low = nonzero(i);
      const auto high = nonzero(i + 4);
      uint8_t low_bits[8] = {};
      uint8_t high_bits[8] = {};
      hn::StoreMaskBits(d, low, low_bits);
      hn::StoreMaskBits(d, high, high_bits);
      bits[i / 8] = static_cast<uint8_t>((low_bits[0] & 15) | (high_bits[0] << 4));
      nonzeros += hn::CountTrue(d, low) + hn::CountTrue(d, high);
    }
  }
  for (; i < count; i += 8) {
    uint8_t byte = 0;
    for (size_t lane = 0; lane < 8 && i + lane < count; ++lane) {
      uint32_t word = 0;
      std::memcpy(&word, values + i + lane, sizeof(word));
      const bool set = (word << 1) != 0;  // by bits, as above: subnormals too, whatever the CPU's mode
      byte = static_cast<uint8_t>(byte | (static_cast<unsigned>(set) << lane));
      nonzeros += set ? 1 : 0;
    }
    bits[i / 8] = byte;
  }
  return nonzeros;
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {
HWY_EXPORT(pack);

size_t pack_nonzeros(const float* values, size_t count, uint8_t* bits) {
  return HWY_DYNAMIC_DISPATCH(pack)(values, count, bits);
}

}  // namespace trainer
#endif
