#include "speculation/prune.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "speculation/prune_highway.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// A bijection of 32 bits for each `second`: xorshifts and multiplications alone (Wellons' "lowbias32" constants).
template <class D, class V>
HWY_INLINE V hashed(D d, V x, V second) {
  x = hn::Add(hn::Xor(x, hn::ShiftRight<16>(x)), second);
  x = hn::Mul(x, hn::Set(d, 0x7FEB352DU));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(d, 0x846CA68BU));
  return hn::Xor(x, hn::ShiftRight<16>(x));
}

void count_exponents(const float* values, size_t count, ExponentHistogram& histogram) {
  // Neighbours often share an exponent: two histograms halve the wait for the entry just written.
  ExponentHistogram odd{};
  size_t i = 0;
  for (; i + 2 <= count; i += 2) {
    uint64_t pair = 0;
    __builtin_memcpy(&pair, values + i, sizeof(pair));
    ++histogram[(pair >> 23) & 0xFF];
    ++odd[(pair >> 55) & 0xFF];
  }
  if (i < count) {
    uint32_t bits = 0;
    __builtin_memcpy(&bits, values + i, sizeof(bits));
    ++histogram[(bits >> 23) & 0xFF];
  }
  for (size_t e = 0; e < odd.size(); ++e) {
    histogram[e] += odd[e];
  }
}

GradientCounts prune_values(float* values, size_t count, uint32_t first_element, float threshold, PruningKey key,
                            ExponentHistogram& histogram) {
  count_exponents(values, count, histogram);
  GradientCounts counts;
  counts.values = static_cast<int64_t>(count);
  const float unit = threshold * 0x1p-24F;  // of a random number of 24 bits
  for_each_vector(count, [&](auto d, size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::RebindToSigned<decltype(d)> di;
    const auto v = hn::LoadU(d, values + i);
    const auto zero = hn::Eq(v, hn::Zero(d));
    counts.operands += static_cast<int64_t>(hn::Lanes(d) - hn::CountTrue(d, zero));
    if (threshold > 0) {
      const auto magnitude = hn::Abs(v);
      const auto small = hn::AndNot(zero, hn::Lt(magnitude, hn::Set(d, threshold)));
      const auto element = hn::Add(hn::Iota(du, first_element), hn::Set(du, static_cast<uint32_t>(i)));
      const auto bits = hashed(du, hn::Xor(element, hn::Set(du, key.first)), hn::Set(du, key.second));
      const auto draw = hn::Mul(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<8>(bits))), hn::Set(d, unit));
      const auto kept = hn::And(small, hn::Lt(draw, magnitude));
      const auto replaced = hn::IfThenElseZero(kept, hn::CopySign(hn::Set(d, threshold), v));
      hn::StoreU(hn::IfThenElse(small, replaced, v), d, values + i);
      const auto kept_here = static_cast<int64_t>(hn::CountTrue(d, kept));
      counts.kept += kept_here;
      counts.dropped += static_cast<int64_t>(hn::CountTrue(d, small)) - kept_here;
    }
  });
  return counts;
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(prune_values);

GradientCounts prune(std::span<float> values, uint32_t first_element, float threshold, PruningKey key,
                     ExponentHistogram& histogram) {
  return HWY_DYNAMIC_DISPATCH(prune_values)(values.data(), values.size(), first_element, threshold, key, histogram);
}

}  // namespace trainer
#endif
