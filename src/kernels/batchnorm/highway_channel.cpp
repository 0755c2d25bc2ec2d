#include "kernels/batchnorm/highway_channel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batchnorm/highway_channel.cpp"
#include <hwy/foreach_target.h>
// foreach_target has to come first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/batchnorm/normalise-inl.h"
#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using batchnorm::ChannelKernels;
using batchnorm::Sums;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr size_t kBlock = 4096;
constexpr size_t kPrefetchBytes = 4096;  // how far ahead of a pass that is the first to read a channel

template <class Value>
HWY_INLINE void prefetch_ahead_of(const Value* values) {
  hwy::Prefetch(values + kPrefetchBytes / sizeof(Value));
}

double value_at(const float* value) { return static_cast<double>(*value); }
double value_at(const Half* value) { return static_cast<double>(to_float(*value)); }

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

template <class Value>
Sums shifted_sums(const Value* z, size_t count, float shift) {
  const Floats d;
  const Vector shifts = hn::Set(d, shift);
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& squares) HWY_ATTR {
        prefetch_ahead_of(z + i);
        const Vector x = hn::Sub(load(Floats(), z + i), shifts);
        sum = hn::Add(sum, x);
        squares = hn::MulAdd(x, x, squares);
      },
      [=](size_t i) {
        const double x = value_at(z + i) - static_cast<double>(shift);
        return Sums{x, x * x};
      });
}

template <class Value>
Sums gradient_sums(const Value* dy, const Value* z, size_t count, float mean) {
  const Floats d;
  const Vector means = hn::Set(d, mean);
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        prefetch_ahead_of(dy + i);
        prefetch_ahead_of(z + i);
        const Vector gradient = load(Floats(), dy + i);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(load(Floats(), z + i), means), products);
      },
      [=](size_t i) {
        const double gradient = value_at(dy + i);
        return Sums{gradient, gradient * (value_at(z + i) - static_cast<double>(mean))};
      });
}

template <class Value>
void scale_and_offset(const Value* z, size_t count, float mean, float scale, float offset, Value* y) {
  for_each_vector(count,
                  [=](auto d, size_t i) HWY_ATTR { store(normalised(d, z + i, mean, scale, offset), d, y + i); });
}

template <class Value>
void combine(const Value* dy, const Value* z, size_t count, float mean, float a, float b, float c, Value* dz) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto x = hn::Sub(load(d, z + i), hn::Set(d, mean));
    const auto from_sums = hn::MulAdd(x, hn::Set(d, b), hn::Set(d, c));
    store(hn::MulAdd(load(d, dy + i), hn::Set(d, a), from_sums), d, dz + i);
  });
}

/// Where ReLU lets a gradient pass: before it or after it, as `y` is.
template <class D>
HWY_INLINE hn::Mask<D> passes(D d, hn::Vec<D> y, float ceiling) {
  return hn::AndNot(hn::Ge(y, hn::Set(d, ceiling)), hn::Gt(y, hn::Zero(d)));
}

/// da where ReLU lets it pass, else 0.
template <class D, class Value>
HWY_INLINE hn::Vec<D> active(D d, const Value* da, const Value* z, float mean, float scale, float offset,
                             float ceiling) {
  return hn::IfThenElseZero(passes(d, normalised(d, z, mean, scale, offset), ceiling), load(d, da));
}

template <class Value>
void scale_offset_rectify(const Value* z, const Value* addend, size_t count, float mean, float scale, float offset,
                          float ceiling, Value* a) {
  if (addend == nullptr) {
    for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
      store(rectify(d, normalised(d, z + i, mean, scale, offset), ceiling), d, a + i);
    });
  } else {
    for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
      const auto sum = hn::Add(normalised(d, z + i, mean, scale, offset), load(d, addend + i));
      store(rectify(d, sum, ceiling), d, a + i);
    });
  }
}

template <class Value>
Sums active_gradient_sums(const Value* da, const Value* z, size_t count, float mean, float scale, float offset,
                          float ceiling) {
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        const Floats d;
        prefetch_ahead_of(da + i);
        prefetch_ahead_of(z + i);
        const Vector gradient = active(d, da + i, z + i, mean, scale, offset, ceiling);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(load(d, z + i), hn::Set(d, mean)), products);
      },
      [=](size_t i) HWY_ATTR {
        const hn::CappedTag<float, 1> one;
        const auto gradient =
            static_cast<double>(hn::GetLane(active(one, da + i, z + i, mean, scale, offset, ceiling)));
        return Sums{gradient, gradient * (value_at(z + i) - static_cast<double>(mean))};
      });
}

template <class Value>
void combine_active(const Value* da, const Value* z, size_t count, float mean, float scale, float offset, float ceiling,
                    float a, float b, float c, Value* dz) {
  for_each_vector(count, [=](auto d, size_t i) HWY_ATTR {
    const auto x = hn::Sub(load(d, z + i), hn::Set(d, mean));
    const auto from_sums = hn::MulAdd(x, hn::Set(d, b), hn::Set(d, c));
    const auto gradient = active(d, da + i, z + i, mean, scale, offset, ceiling);
    store(hn::MulAdd(gradient, hn::Set(d, a), from_sums), d, dz + i);
  });
}

template <class Value>
Sums mask_and_sum(Value* da, const Value* activation, const Value* z, size_t count, float mean, float ceiling) {
  return add_in_blocks(
      count,
      [=](size_t i, Vector& sum, Vector& products) HWY_ATTR {
        const Floats d;
        prefetch_ahead_of(da + i);
        prefetch_ahead_of(activation + i);
        prefetch_ahead_of(z + i);
        const Vector gradient = hn::IfThenElseZero(passes(d, load(d, activation + i), ceiling), load(d, da + i));
        store(gradient, d, da + i);
        sum = hn::Add(sum, gradient);
        products = hn::MulAdd(gradient, hn::Sub(load(d, z + i), hn::Set(d, mean)), products);
      },
      [=](size_t i) {
        const double a = value_at(activation + i);
        if (!(a > 0) || a >= static_cast<double>(ceiling)) {
          da[i] = Value();
        }
        const double gradient = value_at(da + i);
        return Sums{gradient, gradient * (value_at(z + i) - static_cast<double>(mean))};
      });
}

template <class Value>
constexpr ChannelKernels<Value> kKernels = {
    .shifted_sums = shifted_sums<Value>,
    .gradient_sums = gradient_sums<Value>,
    .scale_and_offset = scale_and_offset<Value>,
    .combine = combine<Value>,
    .scale_offset_rectify = scale_offset_rectify<Value>,
    .active_gradient_sums = active_gradient_sums<Value>,
    .combine_active = combine_active<Value>,
    .mask_and_sum = mask_and_sum<Value>,
};

const ChannelKernels<float>* for_floats() { return &kKernels<float>; }
const ChannelKernels<Half>* for_halves() { return &kKernels<Half>; }

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(for_floats);
HWY_EXPORT(for_halves);

namespace batchnorm {

template <>
const ChannelKernels<float>& channel_kernels() {
  return *HWY_DYNAMIC_DISPATCH(for_floats)();
}

template <>
const ChannelKernels<Half>& channel_kernels() {
  return *HWY_DYNAMIC_DISPATCH(for_halves)();
}

}  // namespace batchnorm
}  // namespace trainer
#endif
