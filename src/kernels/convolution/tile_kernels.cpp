#include "kernels/convolution/tile_kernels.h"

#include <utility>

// Of targets that differ in nothing these kernels use, one is enough; scalable vectors cannot be held in arrays, so Arm
// CPUs that have SVE run the NEON kernels.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution/tile_kernels.cpp"
#include <hwy/foreach_target.h>
// foreach_target has to come first.
#include <hwy/highway.h>

#include "kernels/convolution/output_sums-inl.h"  // add_lane_sums
#include "kernels/convolution/packing-inl.h"
#include "kernels/convolution/tile_vectors-inl.h"
#include "kernels/convolution/whole_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using tile::Floats;
using tile::kLanes;
using tile::kUnroll;
using tile::Vector;

// Registers: FF needs one beside the accumulators, WG four. CPUs without AVX-512 on x86 have 16, all others 32.
#if HWY_TARGET == HWY_AVX2
constexpr int64_t kAccumulators = 12;
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SCALAR
constexpr int64_t kAccumulators = 8;
#elif HWY_TARGET == HWY_NEON
constexpr int64_t kAccumulators = 24;
#else
constexpr int64_t kAccumulators = 28;
#endif

template <int kRows, int kVectors>
void sum_tile(const SumJob& job) {
  const Floats d;
  const float* rows[kRows];
  for (int i = 0; i < kRows; ++i) {
    rows[i] = reinterpret_cast<const float*>(job.packed) + i * job.row_pitch;
  }
  const std::byte* const* next_line = job.prefetch.begin;
  for (int64_t o = 0; o < job.outputs; ++o) {
    next_line = job.prefetch.ask_from(next_line);
    const Term* term = job.terms + job.begin[o];
    const Term* const end = job.terms + job.begin[o + 1];
    if (term == end && !job.first) {
      continue;
    }
    float* sums = job.sums + o * kRows * kVectors * kLanes;
    Vector sum[kRows][kVectors];
    if (job.first) {
#pragma GCC unroll kUnroll
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
        for (int v = 0; v < kVectors; ++v) {
          sum[i][v] = hn::Zero(d);
        }
      }
    } else {
#pragma GCC unroll kUnroll
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
        for (int v = 0; v < kVectors; ++v) {
          sum[i][v] = hn::Load(d, sums + (i * kVectors + v) * kLanes);
        }
      }
    }
    for (; term != end; ++term) {
      const Vector value = hn::Set(d, term->value());
      const size_t offset = term->offset;
#pragma GCC unroll kUnroll
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
        for (int v = 0; v < kVectors; ++v) {
          sum[i][v] = hn::MulAdd(value, hn::LoadU(d, rows[i] + offset + v * kLanes), sum[i][v]);
        }
      }
    }
#pragma GCC unroll kUnroll
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kVectors; ++v) {
        hn::Store(sum[i][v], d, sums + (i * kVectors + v) * kLanes);
      }
    }
  }
}

#if HWY_TARGET == HWY_SCALAR

/// sums[t] (+)= the lanes of sum[t].
template <int kTerms>
void add_dots(const Vector (&sum)[4], bool first, float* sums) {
  for (int t = 0; t < kTerms; ++t) {
    sums[t] = first ? hn::GetLane(sum[t]) : hn::GetLane(sum[t]) + sums[t];
  }
}

#else

using Block = hn::Full128<float>;

hn::Vec<Block> add_blocks(hn::Vec<Block> sums) { return sums; }

/// Adds the 128-bit blocks of a longer vector.
template <class V>
hn::Vec<Block> add_blocks(V sums) {
  const hn::Half<hn::DFromV<V> > half;
  return add_blocks(hn::Add(hn::LowerHalf(half, sums), hn::UpperHalf(half, sums)));
}

/// The sums of the lanes of a, b, c and d, in this order.
hn::Vec<Block> add_lanes(Vector a, Vector b, Vector c, Vector e) {
  const Floats d;
  const hn::RepartitionToWide<Floats> pairs;
  const auto ab = hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  const auto ce = hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e)));
  return add_blocks(
      hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce)), hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce))));
}

/// sums[t] (+)= the lanes of sum[t].
template <int kTerms>
HWY_INLINE void add_dots(const Vector (&sum)[4], bool first, float* sums) {
  const Block block;
  hn::Vec<Block> result = add_lanes(sum[0], sum[1], sum[2], sum[3]);
  if constexpr (kTerms == 4) {
    if (!first) {
      result = hn::Add(result, hn::LoadU(block, sums));
    }
    hn::StoreU(result, block, sums);
  } else {
    alignas(16) float values[4];
    hn::Store(result, block, values);
    for (int t = 0; t < kTerms; ++t) {
      sums[t] = first ? values[t] : values[t] + sums[t];
    }
  }
}

#endif

/// kTerms dot products side by side.
template <int kTerms, int kRows, int kVectors>
HWY_INLINE void dot_terms(const Vector (&tile)[kRows][kVectors], const float* const (&rows)[kRows], const Term* terms,
                          bool first, float* sums) {
  const Floats d;
  size_t offset[kTerms];
  Vector sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
#pragma GCC unroll kUnroll
  for (int t = 0; t < kTerms; ++t) {
    offset[t] = terms[t].offset;
  }
#pragma GCC unroll kUnroll
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll kUnroll
      for (int t = 0; t < kTerms; ++t) {
        sum[t] = hn::MulAdd(tile[i][v], hn::LoadU(d, rows[i] + offset[t] + v * kLanes), sum[t]);
      }
    }
  }
  add_dots<kTerms>(sum, first, sums);
}

template <int kRows, int kVectors>
void dot_tile(const DotJob& job) {
  const Floats d;
  const float* rows[kRows];
  for (int i = 0; i < kRows; ++i) {
    rows[i] = reinterpret_cast<const float*>(job.packed) + i * job.row_pitch;
  }
  const std::byte* const* next_line = job.prefetch.begin;
  for (int64_t o = 0; o < job.outputs; ++o) {
    next_line = job.prefetch.ask_from(next_line);
    uint32_t term = job.begin[o];
    const uint32_t end = job.begin[o + 1];
    if (term == end) {
      continue;
    }
    const float* tiles = reinterpret_cast<const float*>(job.tiles) + o * kRows * kVectors * kLanes;
    Vector tile[kRows][kVectors];
#pragma GCC unroll kUnroll
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kVectors; ++v) {
        tile[i][v] = hn::Load(d, tiles + (i * kVectors + v) * kLanes);
      }
    }
    for (; term + 4 <= end; term += 4) {
      dot_terms<4>(tile, rows, job.terms + term, job.first, job.sums + term);
    }
    switch (end - term) {
      case 3:
        dot_terms<3>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      case 2:
        dot_terms<2>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      case 1:
        dot_terms<1>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      default:
        break;
    }
  }
}
template <int kRows, int kVectors>
void enter(TileKernels& kernels) {
  if constexpr (int64_t{kRows} * kVectors <= kAccumulators) {
    kernels.sum[kRows - 1][kVectors - 1] = sum_tile<kRows, kVectors>;
    kernels.dot[kRows - 1][kVectors - 1] = dot_tile<kRows, kVectors>;
  }
}

template <int... kIndices>
TileKernels make(std::integer_sequence<int, kIndices...> /*tile shapes*/) {
  TileKernels kernels{};
  kernels.unit.lanes = kLanes;
  kernels.unit.accumulators = kAccumulators;
  kernels.pack = tile::pack;
  kernels.keep_exponents = tile::keep_exponents;
  kernels.unpack = tile::unpack;
  kernels.add_lane_sums = add_lane_sums;
  kernels.sum_rows = tile::sum_rows;
  kernels.dot_rows = tile::dot_rows;
  (enter<kIndices / kMostTileVectors + 1, kIndices % kMostTileVectors + 1>(kernels), ...);
  return kernels;
}

const TileKernels& kernels_of_target() {
  static const TileKernels kernels = make(std::make_integer_sequence<int, kMostTileRows * kMostTileVectors>());
  return kernels;
}

}  // namespace

const TileKernels* get_tile_kernels() { return &kernels_of_target(); }

}  // namespace HWY_NAMESPACE
}  // namespace trainer
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trainer {

HWY_EXPORT(get_tile_kernels);

const TileKernels& tile_kernels() { return *HWY_DYNAMIC_DISPATCH(get_tile_kernels)(); }

}  // namespace trainer
#endif
