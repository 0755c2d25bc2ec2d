// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_BATCHNORM_NORMALISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_BATCHNORM_NORMALISE_INL_H_
#undef TRAINER_KERNELS_BATCHNORM_NORMALISE_INL_H_
#else
#define TRAINER_KERNELS_BATCHNORM_NORMALISE_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

/// BN of values in memory. Also one value at a time the same bits, as MulAdd rounds once on some targets.
template <class D, class Value>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> normalised(D d, const Value* z, float mean, float scale, float offset) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::MulAdd(hn::Sub(load(d, z), hn::Set(d, mean)), hn::Set(d, scale), hn::Set(d, offset));
}

/// What ReLU makes of `y`. Not Max: a NaN must stay visible.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> rectify(D d, hwy::HWY_NAMESPACE::Vec<D> y) {
  namespace hn = hwy::HWY_NAMESPACE;
  return hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y);
}

/// The same cut at a ceiling; kNotCut cuts nothing.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> rectify(D d, hwy::HWY_NAMESPACE::Vec<D> y, float ceiling) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto most = hn::Set(d, ceiling);
  const auto positive = rectify(d, y);
  return hn::IfThenElse(hn::Gt(positive, most), most, positive);
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
