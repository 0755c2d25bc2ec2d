#include "base/parallel.h"
#include "kernels/clipped_relu/paths.h"
#include "kernels/elementwise/pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/clipped_relu/highway.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void clip(float ceiling, const float* y, float* a, size_t count) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, y + i);
    const auto most = hn::Set(d, ceiling);
    // Not Min and Max: a NaN must stay visible.
    const auto rectified = hn::IfThenZeroElse(hn::Lt(value, hn::Zero(d)), value);
    hn::StoreU(hn::IfThenElse(hn::Gt(rectified, most), most, rectified), d, a + i);
  });
}

void keep_where_not_clipped(float ceiling, const float* a, const float* da, float* dy, size_t count) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, a + i);
    const auto active = hn::And(hn::Gt(value, hn::Zero(d)), hn::Lt(value, hn::Set(d, ceiling)));
    hn::StoreU(hn::IfThenElseZero(active, hn::LoadU(d, da + i)), d, dy + i);
  });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(clip);
HWY_EXPORT(keep_where_not_clipped);

namespace clipped_relu {

void feedforward_highway(float ceiling, const Tensor& Y, Tensor& A) {
  const float* y = Y.data();
  float* a = A.data();
  const auto kernel = HWY_DYNAMIC_DISPATCH(clip);
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    kernel(ceiling, y + begin, a + begin, static_cast<size_t>(end - begin));
  });
}

void backpropagate_highway(float ceiling, const Tensor& A, const Tensor& dA, Tensor& dY) {
  const float* a = A.data();
  const float* da = dA.data();
  float* dy = dY.data();
  const auto kernel = HWY_DYNAMIC_DISPATCH(keep_where_not_clipped);
  parallel_for(A.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    kernel(ceiling, a + begin, da + begin, dy + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace clipped_relu
}  // namespace trainer
#endif
