// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_CONVOLUTION_MAPPED_COPY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_CONVOLUTION_MAPPED_COPY_INL_H_
#undef TRAINER_KERNELS_CONVOLUTION_MAPPED_COPY_INL_H_
#else
#define TRAINER_KERNELS_CONVOLUTION_MAPPED_COPY_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <type_traits>

#include "kernels/batchnorm/input_map.h"
#include "kernels/batchnorm/normalise-inl.h"
#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {

/// What comes after the affine map.
enum class Rectifier { none, relu, clipped };

/// Copies values of one channel through a map.
template <Rectifier kRectifier>
class MappedCopy {
 public:
  MappedCopy(const InputMap& map, int64_t channel)
      : mean_(map.mean[static_cast<size_t>(channel)]),
        scale_(map.scale[static_cast<size_t>(channel)]),
        offset_(map.offset[static_cast<size_t>(channel)]),
        ceiling_(map.ceiling) {}

  template <class From, class To>
  HWY_INLINE void operator()(const From* from, int64_t count, To* to) const {
    const hwy::HWY_NAMESPACE::ScalableTag<float> d;
    constexpr int64_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(d);
    if (count % kLanes == 0) {  // nearly always; the general loop's ends take longer than what they copy
      for (int64_t i = 0; i < count; i += kLanes) {
        map(d, from + i, to + i);
      }
      return;
    }
    const MappedCopy self = *this;
    for_each_vector(static_cast<size_t>(count),
                    [=](auto narrower, size_t i) HWY_ATTR { self.map(narrower, from + i, to + i); });
  }

 private:
  template <class D, class From, class To>
  HWY_INLINE void map(D d, const From* from, To* to) const {
    auto a = normalised(d, from, mean_, scale_, offset_);
    if constexpr (kRectifier == Rectifier::relu) {
      a = rectify(d, a);
    } else if constexpr (kRectifier == Rectifier::clipped) {
      a = rectify(d, a, ceiling_);
    }
    if constexpr (std::is_same_v<From, To>) {
      store(a, d, to);
    } else {
      store(as_stored(a, d, From()), d, to);
    }
  }

  float mean_;
  float scale_;
  float offset_;
  float ceiling_;
};

/// body(the copy for a channel of `map`).
template <class Body>
HWY_INLINE void with_mapped_copy(const InputMap& map, int64_t channel, const Body& body) {
  if (!map.rectify) {
    body(MappedCopy<Rectifier::none>(map, channel));
  } else if (std::isnan(map.ceiling)) {  // kNotCut
    body(MappedCopy<Rectifier::relu>(map, channel));
  } else {
    body(MappedCopy<Rectifier::clipped>(map, channel));
  }
}

}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
