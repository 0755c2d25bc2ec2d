#include "base/parallel.h"
#include "kernels/activation/relu_paths.h"
#include "kernels/elementwise/pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation/relu_highway.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void rectify(const float* y, float* a, size_t count) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto value = hn::LoadU(d, y + i);
    // Not Max: a NaN must stay visible.
    hn::StoreU(hn::IfThenZeroElse(hn::Lt(value, hn::Zero(d)), value), d, a + i);
  });
}

void keep_where_positive(const float* a, const float* da, float* dy, size_t count) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto active = hn::Gt(hn::LoadU(d, a + i), hn::Zero(d));
    hn::StoreU(hn::IfThenElseZero(active, hn::LoadU(d, da + i)), d, dy + i);
  });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(rectify);
HWY_EXPORT(keep_where_positive);

namespace activation {

void relu_feedforward_highway(const Tensor& Y, Tensor& A) {
  const float* y = Y.data();
  float* a = A.data();
  const auto kernel = HWY_DYNAMIC_DISPATCH(rectify);
  parallel_for(Y.size(), kElementwisePiece,
               [=](int64_t begin, int64_t end) { kernel(y + begin, a + begin, static_cast<size_t>(end - begin)); });
}

void relu_backpropagate_highway(const Tensor& A, const Tensor& dA, Tensor& dY) {
  const float* a = A.data();
  const float* da = dA.data();
  float* dy = dY.data();
  const auto kernel = HWY_DYNAMIC_DISPATCH(keep_where_positive);
  parallel_for(A.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    kernel(a + begin, da + begin, dy + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace activation
}  // namespace trainer
#endif
