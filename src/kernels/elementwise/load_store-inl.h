// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_ELEMENTWISE_LOAD_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_ELEMENTWISE_LOAD_STORE_INL_H_
#undef TRAINER_KERNELS_ELEMENTWISE_LOAD_STORE_INL_H_
#else
#define TRAINER_KERNELS_ELEMENTWISE_LOAD_STORE_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "tensor/half.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

// A vector of FP32 from values of either format, and back (to nearest even), whatever the alignment.

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load(D d, const float* from) {
  return hwy::HWY_NAMESPACE::LoadU(d, from);
}

template <class D>
HWY_INLINE void store(hwy::HWY_NAMESPACE::Vec<D> values, D d, float* to) {
  hwy::HWY_NAMESPACE::StoreU(values, d, to);
}

/// As store, past the caches; `to` is aligned to the stored vector.
template <class D>
HWY_INLINE void stream(hwy::HWY_NAMESPACE::Vec<D> values, D d, float* to) {
  hwy::HWY_NAMESPACE::Stream(values, d, to);
}

/// What load() finds after store() of `values`; the last argument tells the format.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> as_stored(hwy::HWY_NAMESPACE::Vec<D> values, D /*d*/, float /*format*/) {
  return values;
}

#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SCALAR

// These CPUs have no instruction for it, and what Highway does instead knows no overflow.

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load(D d, const Half* from) {
  HWY_ALIGN float values[hwy::HWY_NAMESPACE::MaxLanes(D())];
  for (size_t i = 0; i < hwy::HWY_NAMESPACE::Lanes(d); ++i) {
    values[i] = to_float(from[i]);
  }
  return hwy::HWY_NAMESPACE::Load(d, values);
}

template <class D>
HWY_INLINE void store(hwy::HWY_NAMESPACE::Vec<D> vector, D d, Half* to) {
  HWY_ALIGN float values[hwy::HWY_NAMESPACE::MaxLanes(D())];
  hwy::HWY_NAMESPACE::Store(vector, d, values);
  for (size_t i = 0; i < hwy::HWY_NAMESPACE::Lanes(d); ++i) {
    to[i] = to_half(values[i]);
  }
}

template <class D>
HWY_INLINE void stream(hwy::HWY_NAMESPACE::Vec<D> vector, D d, Half* to) {
  store(vector, d, to);
}

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> as_stored(hwy::HWY_NAMESPACE::Vec<D> values, D d, Half /*format*/) {
  Half stored[hwy::HWY_NAMESPACE::MaxLanes(D())];
  store(values, d, stored);
  return load(d, stored);
}

#else

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> load(D d, const Half* from) {
  const hwy::HWY_NAMESPACE::Rebind<hwy::float16_t, D> halves;
  return hwy::HWY_NAMESPACE::PromoteTo(
      d, hwy::HWY_NAMESPACE::LoadU(halves, reinterpret_cast<const hwy::float16_t*>(from)));
}

template <class D>
HWY_INLINE void store(hwy::HWY_NAMESPACE::Vec<D> values, D /*d*/, Half* to) {
  const hwy::HWY_NAMESPACE::Rebind<hwy::float16_t, D> halves;
  hwy::HWY_NAMESPACE::StoreU(hwy::HWY_NAMESPACE::DemoteTo(halves, values), halves,
                             reinterpret_cast<hwy::float16_t*>(to));
}

template <class D>
HWY_INLINE void stream(hwy::HWY_NAMESPACE::Vec<D> values, D /*d*/, Half* to) {
  const hwy::HWY_NAMESPACE::Rebind<hwy::float16_t, D> halves;
  const hwy::HWY_NAMESPACE::Rebind<uint16_t, D> bits;
  hwy::HWY_NAMESPACE::Stream(hwy::HWY_NAMESPACE::BitCast(bits, hwy::HWY_NAMESPACE::DemoteTo(halves, values)), bits,
                             reinterpret_cast<uint16_t*>(to));
}

template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> as_stored(hwy::HWY_NAMESPACE::Vec<D> values, D d, Half /*format*/) {
  const hwy::HWY_NAMESPACE::Rebind<hwy::float16_t, D> halves;
  return hwy::HWY_NAMESPACE::PromoteTo(d, hwy::HWY_NAMESPACE::DemoteTo(halves, values));
}

#endif

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
