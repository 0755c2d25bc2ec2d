// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_ELEMENTWISE_EXPONENT_ONLY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_ELEMENTWISE_EXPONENT_ONLY_INL_H_
#undef TRAINER_KERNELS_ELEMENTWISE_EXPONENT_ONLY_INL_H_
#else
#define TRAINER_KERNELS_ELEMENTWISE_EXPONENT_ONLY_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

/// As exponent_only() of kernels/elementwise/exponent_only.h.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> exponent_only(D d, hwy::HWY_NAMESPACE::Vec<D> values,
                                                    hwy::HWY_NAMESPACE::Vec<D> smallest_normal) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToUnsigned<D> bits;
  const auto value = hn::BitCast(bits, values);
  const auto half = hn::Set(bits, 0x00400000U);
  const auto result = hn::Or(hn::And(value, hn::Set(bits, 0xFF800000U)), half);
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(values), smallest_normal), hn::BitCast(d, result));
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
