#include "kernels/batchnorm/highway_channel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batchnorm/highway_channel.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

#include "kernels/elementwise/for_each_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using batchnorm::Sums;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr size_t kBlock = 4096;

HWY_INLINE double add_lanes(Vector v) {
  const Floats d;
  HWY_ALIGN float lanes[hn::MaxLanes(d)];
  hn::Store(v, d, lanes);
  double sum = 0;
  for (size_t i = 0; i < hn::Lanes(d); ++i) {
    sum += static_cast<double>(lanes[i]);
  }
  return sum;
}

/// Two sums over the terms that term(begin, first, second) adds to its accumulators for one vector of values, and that
/// term_of_one(i) gives for one value. Four accumulators each, so that an addition does not wait for the one before.
template <class Term, class TermOfOne>
HWY_INLINE Sums add_in_blocks(size_t count, const Term& term, const TermOfOne& term_of_one) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t whole = count - count % lanes;
  Sums sums;
  size_t i = 0;
  while (i < whole) {
    const size_t end = std::min(whole, i + kBlock);
    Vector first0 = hn::Zero(d);
    Vector first1 = hn::Zero(d);
    Vector first2 = hn::Zero(d);
    Vector first3 = hn::Zero(d);
    Vector second0 = hn::Zero(d);
    Vector second1 = hn::Zero(d);
    Vector second2 = hn::Zero(d);
    Vector second3 = hn::Zero(d);
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      term(i, first0, second0);
      term(i + lanes, first1, second1);
      term(i + 2 * lanes, first2, second2);
      term(i + 3 * lanes, first3, second3);
    }
    for (; i < end; i += lanes) {
      term(i, first0, second0);
    }
    sums.first += add_lanes(hn::Add(hn::Add(first0, first1), hn::Add(first2, first3)));
    sums.second += add_lanes(hn::Add(hn::Add(second0, second1), hn::Add(second2, second3)));
  }
  for (; i < count; ++i) {
    const Sums one = term_of_one(i);
    sums.first += one.first;
    sums.second += one.second;
  }
  return sums;
}

Sums shifted_sums(const float* z, size_t count, float shift) {
  const Floats d;
  const Vector shifts = hn::Set(d, shift);
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& squares) HWY_ATTR {
        const Vector x = hn::Sub(hn::LoadU(Floats(), z + i), shifts);
        sum = hn::Add(sum, x);
        squares = hn::MulAdd(x, x, squares);
      },
      [=](size_t i) {
        const double x = static_cast<double>(z[i]) - static_cast<double>(shift);
        return Sums{x, x * x};
      });
}

Sums gradient_sums(const float* dy, const float* z, size_t count, float mean) {
  const Floats d;
  const Vector means = hn::Set(d, mean);
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        const Vector gradient = hn::LoadU(Floats(), dy + i);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(hn::LoadU(Floats(), z + i), means), products);
      },
      [=](size_t i) {
        const auto gradient = static_cast<double>(dy[i]);
        return Sums{gradient, gradient * (static_cast<double>(z[i]) - static_cast<double>(mean))};
      });
}

void scale_and_offset(const float* z, size_t count, float mean, float scale, float offset, float* y) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto x = hn::Sub(hn::LoadU(d, z + i), hn::Set(d, mean));
    hn::StoreU(hn::MulAdd(x, hn::Set(d, scale), hn::Set(d, offset)), d, y + i);
  });
}

void combine(const float* dy, const float* z, size_t count, float mean, float a, float b, float c, float* dz) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto x = hn::Sub(hn::LoadU(d, z + i), hn::Set(d, mean));
    const auto from_sums = hn::MulAdd(x, hn::Set(d, b), hn::Set(d, c));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, dy + i), hn::Set(d, a), from_sums), d, dz + i);
  });
}

/// Y as scale_and_offset computes it: also one value at a time the same bits, as MulAdd rounds once on some targets.
template <class D>
HWY_INLINE hn::Vec<D> normalised(D d, const float* z, float mean, float scale, float offset) {
  return hn::MulAdd(hn::Sub(hn::LoadU(d, z), hn::Set(d, mean)), hn::Set(d, scale), hn::Set(d, offset));
}

/// da where Y > 0, else 0.
template <class D>
HWY_INLINE hn::Vec<D> active(D d, const float* da, const float* z, float mean, float scale, float offset) {
  const auto passed_on = hn::Gt(normalised(d, z, mean, scale, offset), hn::Zero(d));
  return hn::IfThenElseZero(passed_on, hn::LoadU(d, da));
}

void scale_offset_rectify(const float* z, const float* addend, size_t count, float mean, float scale, float offset,
                          float* a) {
  // Not Max: a NaN must stay visible.
  if (addend == nullptr) {
    for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
      const auto y = normalised(d, z + i, mean, scale, offset);
      hn::StoreU(hn::IfThenZeroElse(hn::Lt(y, hn::Zero(d)), y), d, a + i);
    });
  } else {
    for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
      const auto sum = hn::Add(normalised(d, z + i, mean, scale, offset), hn::LoadU(d, addend + i));
      hn::StoreU(hn::IfThenZeroElse(hn::Lt(sum, hn::Zero(d)), sum), d, a + i);
    });
  }
}

Sums active_gradient_sums(const float* da, const float* z, size_t count, float mean, float scale, float offset) {
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        const Floats d;
        const Vector gradient = active(d, da + i, z + i, mean, scale, offset);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(hn::LoadU(d, z + i), hn::Set(d, mean)), products);
      },
      [=](size_t i) HWY_ATTR {
        const hn::CappedTag<float, 1> one;
        const auto gradient = static_cast<double>(hn::GetLane(active(one, da + i, z + i, mean, scale, offset)));
        return Sums{gradient, gradient * (static_cast<double>(z[i]) - static_cast<double>(mean))};
      });
}

void combine_active(const float* da, const float* z, size_t count, float mean, float scale, float offset, float a,
                    float b, float c, float* dz) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto x = hn::Sub(hn::LoadU(d, z + i), hn::Set(d, mean));
    const auto from_sums = hn::MulAdd(x, hn::Set(d, b), hn::Set(d, c));
    const auto gradient = active(d, da + i, z + i, mean, scale, offset);
    hn::StoreU(hn::MulAdd(gradient, hn::Set(d, a), from_sums), d, dz + i);
  });
}

Sums mask_and_sum(float* da, const float* activation, const float* z, size_t count, float mean) {
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        const Floats d;
        const auto passed_on = hn::Gt(hn::LoadU(d, activation + i), hn::Zero(d));
        const Vector gradient = hn::IfThenElseZero(passed_on, hn::LoadU(d, da + i));
        hn::StoreU(gradient, d, da + i);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(hn::LoadU(d, z + i), hn::Set(d, mean)), products);
      },
      [=](size_t i) {
        da[i] = activation[i] > 0 ? da[i] : 0;
        const auto gradient = static_cast<double>(da[i]);
        return Sums{gradient, gradient * (static_cast<double>(z[i]) - static_cast<double>(mean))};
      });
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(shifted_sums);
HWY_EXPORT(gradient_sums);
HWY_EXPORT(scale_and_offset);
HWY_EXPORT(combine);
HWY_EXPORT(scale_offset_rectify);
HWY_EXPORT(active_gradient_sums);
HWY_EXPORT(combine_active);
HWY_EXPORT(mask_and_sum);

namespace batchnorm {

Sums shifted_sums(const float* z, size_t count, float shift) {
  return HWY_DYNAMIC_DISPATCH(trainer::shifted_sums)(z, count, shift);
}

Sums gradient_sums(const float* dy, const float* z, size_t count, float mean) {
  return HWY_DYNAMIC_DISPATCH(trainer::gradient_sums)(dy, z, count, mean);
}

void scale_and_offset(const float* z, size_t count, float mean, float scale, float offset, float* y) {
  HWY_DYNAMIC_DISPATCH(trainer::scale_and_offset)(z, count, mean, scale, offset, y);
}

void combine(const float* dy, const float* z, size_t count, float mean, float a, float b, float c, float* dz) {
  HWY_DYNAMIC_DISPATCH(trainer::combine)(dy, z, count, mean, a, b, c, dz);
}

void scale_offset_rectify(const float* z, const float* addend, size_t count, float mean, float scale, float offset,
                          float* a) {
  HWY_DYNAMIC_DISPATCH(trainer::scale_offset_rectify)(z, addend, count, mean, scale, offset, a);
}

Sums active_gradient_sums(const float* da, const float* z, size_t count, float mean, float scale, float offset) {
  return HWY_DYNAMIC_DISPATCH(trainer::active_gradient_sums)(da, z, count, mean, scale, offset);
}

void combine_active(const float* da, const float* z, size_t count, float mean, float scale, float offset, float a,
                    float b, float c, float* dz) {
  HWY_DYNAMIC_DISPATCH(trainer::combine_active)(da, z, count, mean, scale, offset, a, b, c, dz);
}

Sums mask_and_sum(float* da, const float* activation, const float* z, size_t count, float mean) {
  return HWY_DYNAMIC_DISPATCH(trainer::mask_and_sum)(da, activation, z, count, mean);
}

}  // namespace batchnorm
}  // namespace trainer
#endif
