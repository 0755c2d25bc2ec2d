#include "kernels/elementwise/round_values.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "base/random.h"
#include "kernels/elementwise/pieces.h"
#include "kernels/elementwise/rounding_constants.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/round_values.cpp"
#include <hwy/foreach_target.h>  // before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Integers = hn::RebindToUnsigned<Floats>;

/// FP32's own rounding does it: added to a number whose last place is where the value is to be rounded, the value is
/// rounded there, to nearest even; taking the number away again is exact.
hn::Vec<Floats> round_vector(const RoundingConstants& to, hn::Vec<Floats> value) {
  const Floats d;
  const Integers di;
  const auto magnitude = hn::Abs(value);
  const auto clamped = hn::Min(magnitude, hn::Set(d, to.clamp));
  const auto power = hn::BitCast(d, hn::And(hn::BitCast(di, clamped), hn::Set(di, 0x7F800000)));
  const auto number = hn::Mul(hn::Max(power, hn::Set(d, to.smallest_power)), hn::Set(d, to.to_last_place));
  auto rounded = hn::Sub(hn::Add(clamped, number), number);
  rounded = hn::IfThenElse(hn::Gt(rounded, hn::Set(d, to.largest)), hn::Set(d, to.too_large), rounded);
  const auto infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  rounded = hn::IfThenElse(hn::Eq(magnitude, infinity), hn::Set(d, to.infinity), rounded);
  const auto nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  rounded = hn::IfThenElse(hn::Eq(magnitude, magnitude), rounded, nan);
  return hn::CopySign(rounded, value);
}

/// Of non-negative floats, as integers, which also puts infinity and NaN above all else.
template <class Vector>
uint32_t largest_lane(Vector bits) {
  const Integers di;
  HWY_ALIGN uint32_t lanes[hn::MaxLanes(Integers())];
  hn::Store(bits, di, lanes);
  return *std::max_element(lanes, lanes + hn::Lanes(di));
}

uint32_t round_piece(const RoundingConstants& to, const float* from, float* rounded, size_t count) {
  const Floats d;
  const Integers di;
  const auto magnitude_bits = hn::Set(di, 0x7FFFFFFF);
  const size_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(di);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto value = hn::LoadU(d, from + i);
    largest = hn::Max(largest, hn::And(hn::BitCast(di, value), magnitude_bits));
    hn::StoreU(round_vector(to, value), d, rounded + i);
  }
  if (i < count) {
    HWY_ALIGN float rest[hn::MaxLanes(Floats())] = {};
    std::copy(from + i, from + count, rest);
    const auto value = hn::Load(d, rest);
    largest = hn::Max(largest, hn::And(hn::BitCast(di, value), magnitude_bits));
    hn::Store(round_vector(to, value), d, rest);
    std::copy_n(rest, count - i, rounded + i);
  }
  return largest_lane(largest);
}

uint32_t largest_of_piece(const float* values, size_t count) {
  const Floats d;
  const Integers di;
  const auto magnitude_bits = hn::Set(di, 0x7FFFFFFF);
  const size_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(di);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    largest = hn::Max(largest, hn::And(hn::BitCast(di, hn::LoadU(d, values + i)), magnitude_bits));
  }
  uint32_t all = largest_lane(largest);
  for (; i < count; ++i) {
    all = std::max(all, std::bit_cast<uint32_t>(values[i]) & 0x7FFFFFFF);
  }
  return all;
}

}  // namespace
}  // namespace trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(round_piece);
HWY_EXPORT(largest_of_piece);

namespace {

constexpr int64_t kStochasticPiece = 4096;  // values of one random sequence

RoundingConstants constants_of(const ScaledFormat& to, Overflow overflow) {
  const FloatFormat& format = to.format;
  const bool has_infinity = format.special == SpecialValues::infinity_and_nan;
  const float beyond = has_infinity ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  const bool saturate = overflow == Overflow::saturate;
  RoundingConstants constants{};
  constants.smallest_power = std::ldexp(1.0F, format.smallest_exponent() + to.scale);
  constants.to_last_place = std::ldexp(1.0F, 23 - format.mantissa_bits);
  constants.largest = to.largest();
  constants.clamp = saturate ? constants.largest : std::ldexp(1.0F, format.largest_exponent() + 1 + to.scale);
  constants.too_large = saturate ? constants.largest : beyond;
  constants.infinity = beyond;
  return constants;
}

/// The largest of what `piece(begin, end)` returns, which does not depend on the order of the pieces.
template <typename Piece>
float largest_of_pieces(int64_t count, const Piece& piece) {
  std::atomic<uint32_t> largest = 0;
  parallel_for(count, kElementwisePiece, [&](int64_t begin, int64_t end) {
    const uint32_t mine = piece(begin, end);
    uint32_t seen = largest.load();
    while (seen < mine && !largest.compare_exchange_weak(seen, mine)) {
    }
  });
  return std::bit_cast<float>(largest.load());
}

}  // namespace

float round_values(const ScaledFormat& format, Overflow overflow, std::span<const float> from, std::span<float> to) {
  assert(from.size() == to.size());
  const RoundingConstants constants = constants_of(format, overflow);
  const auto kernel = HWY_DYNAMIC_DISPATCH(round_piece);
  return largest_of_pieces(static_cast<int64_t>(from.size()), [&](int64_t begin, int64_t end) {
    return kernel(constants, from.data() + begin, to.data() + begin, static_cast<size_t>(end - begin));
  });
}

float largest_magnitude(std::span<const float> values) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(largest_of_piece);
  return largest_of_pieces(static_cast<int64_t>(values.size()), [&](int64_t begin, int64_t end) {
    return kernel(values.data() + begin, static_cast<size_t>(end - begin));
  });
}

void round_values_stochastically(const ScaledFormat& format, Overflow overflow, std::span<float> values, uint64_t seed,
                                 uint64_t stream) {
  const auto count = static_cast<int64_t>(values.size());
  parallel_for((count + kStochasticPiece - 1) / kStochasticPiece, 1, [&](int64_t piece, int64_t) {
    Random random(seed, stream, static_cast<uint32_t>(piece));
    const int64_t end = std::min(count, (piece + 1) * kStochasticPiece);
    for (int64_t i = piece * kStochasticPiece; i < end; ++i) {
      float& value = values[static_cast<size_t>(i)];
      const double unscaled = std::ldexp(static_cast<double>(value), -format.scale);
      const uint16_t code = encode_stochastically(format.format, unscaled, random.next(), overflow);
      value = std::ldexp(decode(format.format, code), format.scale);
    }
  });
}

}  // namespace trainer
#endif
