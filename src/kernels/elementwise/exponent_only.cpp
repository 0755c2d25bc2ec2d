#include "kernels/elementwise/exponent_only.h"

#include <cassert>

#include "base/parallel.h"
#include "kernels/elementwise/pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/exponent_only.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/exponent_only-inl.h"
#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void truncate(const float* from, size_t count, float smallest_normal, float* to) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    hn::StoreU(exponent_only(d, hn::LoadU(d, from + i), hn::Set(d, smallest_normal)), d, to + i);
  });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(truncate);

void exponent_only(std::span<const float> from, std::span<float> to, float smallest_normal) {
  assert(from.size() == to.size());
  parallel_for(static_cast<int64_t>(from.size()), kElementwisePiece, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(truncate)
    (from.data() + begin, static_cast<size_t>(end - begin), smallest_normal, to.data() + begin);
  });
}

}  // namespace trainer
#endif
