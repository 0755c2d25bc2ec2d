#include "base/parallel.h"
#include "kernels/elementwise/add_paths.h"
#include "kernels/elementwise/pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/add_highway.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void add_values(const float* a, const float* b, float* y, size_t count) {
  for_each_vector(count, [=](auto d, size_t i)
                             HWY_ATTR { hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i); });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(add_values);

namespace elementwise {

void add_highway(const Tensor& A, const Tensor& B, Tensor& Y) {
  const float* a = A.data();
  const float* b = B.data();
  float* y = Y.data();
  const auto kernel = HWY_DYNAMIC_DISPATCH(add_values);
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    kernel(a + begin, b + begin, y + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace elementwise
}  // namespace trainer
#endif
