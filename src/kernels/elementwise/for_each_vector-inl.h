// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_ELEMENTWISE_FOR_EACH_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_ELEMENTWISE_FOR_EACH_VECTOR_INL_H_
#undef TRAINER_KERNELS_ELEMENTWISE_FOR_EACH_VECTOR_INL_H_
#else
#define TRAINER_KERNELS_ELEMENTWISE_FOR_EACH_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

template <size_t kLanes, class Body>
HWY_INLINE void finish_with_narrower_vectors(size_t begin, size_t count, const Body& body) {
  const hwy::HWY_NAMESPACE::CappedTag<float, kLanes> d;
  for (; begin + hwy::HWY_NAMESPACE::Lanes(d) <= count; begin += hwy::HWY_NAMESPACE::Lanes(d)) {
    body(d, begin);
  }
  if constexpr (kLanes > 1) {
    finish_with_narrower_vectors<kLanes / 2>(begin, count, body);
  }
}

/// Calls body(tag, begin) for consecutive vectors of floats that cover [0, count): whole vectors first, then halves,
/// quarters and so on down to one lane. Nothing beyond `count` is touched, and a batch of 8 or 4 still uses vectors.
template <class Body>
HWY_INLINE void for_each_vector(size_t count, const Body& body) {
  const hwy::HWY_NAMESPACE::ScalableTag<float> d;
  size_t begin = 0;
  for (; begin + hwy::HWY_NAMESPACE::Lanes(d) <= count; begin += hwy::HWY_NAMESPACE::Lanes(d)) {
    body(d, begin);
  }
  finish_with_narrower_vectors<8>(begin, count, body);
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
