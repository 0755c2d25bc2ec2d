#include "processor/array/masked_sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "processor/array/masked_sums.cpp"
#include <hwy/foreach_target.h>
// foreach_target.h must come first.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename D>
HWY_INLINE void add_vector(D d, const uint8_t* bits, hn::Vec<D> value, uint16_t* HWY_RESTRICT sums) {
  hn::StoreU(hn::Add(hn::LoadU(d, sums), hn::IfThenElseZero(hn::LoadMaskBits(d, bits), value)), d, sums);
}

// Where vectors are shorter than a byte's bits.
HWY_INLINE void add_bit_by_bit(const uint8_t* bits, size_t bytes, uint16_t value, uint16_t* sums) {
  for (size_t i = 0; i < 8 * bytes; ++i) {
    const bool set = ((bits[i / 8] >> (i % 8)) & 1) != 0;
    sums[i] = static_cast<uint16_t>(sums[i] + (set ? value : 0));
  }
}

void add_masked(const MaskedRows& rows, const uint8_t* HWY_RESTRICT bits, uint16_t value, uint16_t* HWY_RESTRICT sums) {
  const hn::CappedTag<uint16_t, 32> d;
  const hn::CappedTag<uint16_t, 8> byte;
  const size_t bytes_each = hn::Lanes(d) / 8;
  const auto values = hn::Set(d, value);
  const auto last_values = hn::Set(byte, value);
  for (size_t row = 0; row < rows.rows; ++row, bits += rows.bits_stride, sums += rows.sums_stride) {
    if (bytes_each == 0) {
      add_bit_by_bit(bits, rows.bytes, value, sums);
      continue;
    }
    size_t i = 0;
    for (; i + bytes_each <= rows.bytes; i += bytes_each) {
      add_vector(d, bits + i, values, sums + 8 * i);
    }
    for (; i < rows.bytes; ++i) {
      add_vector(byte, bits + i, last_values, sums + 8 * i);
    }
  }
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {
HWY_EXPORT(add_masked);

void add_where_set(const MaskedRows& rows, const uint8_t* bits, uint16_t value, uint16_t* sums) {
  HWY_DYNAMIC_DISPATCH(add_masked)(rows, bits, value, sums);
}

}  // namespace trainer
#endif
