#include "kernels/elementwise/convert.h"

#include <cassert>

#include "base/parallel.h"
#include "kernels/elementwise/pieces.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/convert.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

template <class From, class To>
void convert_values(const From* from, To* to, size_t count) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR { store(load(d, from + i), d, to + i); });
}

void to_floats(const Half* from, float* to, size_t count) { convert_values(from, to, count); }
void to_halves(const float* from, Half* to, size_t count) { convert_values(from, to, count); }

void add_half_values(const Half* a, const Half* b, Half* y, size_t count) {
  for_each_vector(count, [=](auto d, size_t i)
                             HWY_ATTR { store(hwy::HWY_NAMESPACE::Add(load(d, a + i), load(d, b + i)), d, y + i); });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(to_floats);
HWY_EXPORT(to_halves);
HWY_EXPORT(add_half_values);

namespace {

template <class Kernel, class From, class To>
void run_in_pieces(Kernel kernel, const From* from, To* to, int64_t count) {
  parallel_for(count, kElementwisePiece,
               [=](int64_t begin, int64_t end) { kernel(from + begin, to + begin, static_cast<size_t>(end - begin)); });
}

}  // namespace

void convert(const Tensor& from, Tensor& to) {
  assert(from.shape() == to.shape());
  if (from.format() == to.format()) {
    const std::byte* source = from.elements().data;
    std::byte* target = to.elements().data;
    parallel_for(from.bytes(), 4 * kElementwisePiece,
                 [=](int64_t begin, int64_t end) { std::copy(source + begin, source + end, target + begin); });
  } else if (from.format() == Format::fp16) {
    run_in_pieces(HWY_DYNAMIC_DISPATCH(to_floats), from.elements().as<Half>(), to.data(), from.size());
  } else {
    run_in_pieces(HWY_DYNAMIC_DISPATCH(to_halves), from.data(), to.elements().as<Half>(), from.size());
  }
}

void convert(std::span<const float> from, std::span<Half> to) {
  assert(from.size() == to.size());
  run_in_pieces(HWY_DYNAMIC_DISPATCH(to_halves), from.data(), to.data(), static_cast<int64_t>(from.size()));
}

void add_halves(const Tensor& A, const Tensor& B, Tensor& Y) {
  const Half* a = A.elements().as<Half>();
  const Half* b = B.elements().as<Half>();
  Half* y = Y.elements().as<Half>();
  const auto kernel = HWY_DYNAMIC_DISPATCH(add_half_values);
  parallel_for(Y.size(), kElementwisePiece, [=](int64_t begin, int64_t end) {
    kernel(a + begin, b + begin, y + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace trainer
#endif
