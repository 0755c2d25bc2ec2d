#include "kernels/convolution/tile_kernels.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

// Of targets that differ in nothing these kernels use, one is enough; scalable vectors cannot be held in arrays, so Arm
// CPUs that have SVE run the NEON kernels.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convolution/tile_kernels.cpp"
#include <hwy/foreach_target.h>
// foreach_target has to come first.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/convolution/mapped_copy-inl.h"
#include "kernels/convolution/output_sums-inl.h"
#include "kernels/elementwise/exponent_only-inl.h"
#include "kernels/elementwise/for_each_vector-inl.h"
#include "kernels/elementwise/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr int64_t kLanes = hn::MaxLanes(Floats());

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

// Tiles live in registers only when their loops are unrolled. Under sanitizers they are not: with their checks on every
// load, this file would take many minutes to compile.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kUnroll = 1;
#else
constexpr int kUnroll = 9;
#endif

template <class From, class To>
HWY_INLINE void copy(const From* from, int64_t count, To* to) {
  if (count % kLanes == 0) {  // most rows and blocks of a batch: short, and without a rest
    const Floats d;
    for (int64_t i = 0; i < count; i += kLanes) {
      store(load(d, from + i), d, to + i);
    }
    return;
  }
  for_each_vector(static_cast<size_t>(count), [=](auto d, size_t i) HWY_ATTR { store(load(d, from + i), d, to + i); });
}

HWY_INLINE void copy(const Half* from, int64_t count, Half* to) {
  const hn::ScalableTag<uint16_t> d;
  const auto* source = reinterpret_cast<const uint16_t*>(from);
  auto* target = reinterpret_cast<uint16_t*>(to);
  constexpr int64_t kHalves = hn::MaxLanes(d);
  int64_t i = 0;
  for (; i + kHalves <= count; i += kHalves) {
    hn::StoreU(hn::LoadU(d, source + i), d, target + i);
  }
  const hn::CappedTag<uint16_t, 8> rest;
  for (; i + static_cast<int64_t>(hn::Lanes(rest)) <= count; i += static_cast<int64_t>(hn::Lanes(rest))) {
    hn::StoreU(hn::LoadU(rest, source + i), rest, target + i);
  }
  for (; i < count; ++i) {
    to[i] = from[i];
  }
}

/// As copy, past the caches: `to` is aligned to whole vectors and `count` a multiple of the lanes.
template <class To>
void copy_past_caches(const float* from, int64_t count, To* to) {
  const Floats d;
  for (int64_t i = 0; i < count; i += kLanes) {
    stream(hn::LoadU(d, from + i), d, to + i);
  }
}

template <class To>
void add(const float* from, int64_t count, To* to) {
  for_each_vector(static_cast<size_t>(count), [=](auto d, size_t i) HWY_ATTR {
    store(hn::Add(load(d, to + i), hn::LoadU(d, from + i)), d, to + i);
  });
}

template <class Value>
void clear(int64_t count, Value* to) {
  using Bits = std::conditional_t<std::is_same_v<Value, Half>, uint16_t, uint32_t>;
  const hn::ScalableTag<Bits> d;
  constexpr int64_t kValues = hn::MaxLanes(d);
  int64_t i = 0;
  for (; i + kValues <= count; i += kValues) {
    hn::StoreU(hn::Zero(d), d, reinterpret_cast<Bits*>(to + i));
  }
  for (; i < count; ++i) {
    to[i] = Value{};
  }
}

struct PlainCopy {
  template <class From, class To>
  HWY_INLINE void operator()(const From* from, int64_t count, To* to) const {
    copy(from, count, to);
  }
};

/// Packed columns of one plane: [begin, end) lie inside the input.
struct PackedColumns {
  PackedColumns(const PackJob& job, int64_t plane)
      : first(job.first_column + plane),
        count(job.row_pitch / job.batch),
        begin(std::clamp<int64_t>((job.step - 1 - first) / job.step, 0, count)),
        end(std::clamp<int64_t>((job.column_limit - first + job.step - 1) / job.step, begin, count)) {}

  int64_t first;  // input column of the first
  int64_t count;
  int64_t begin;
  int64_t end;
};

template <class Value, class Packed, class Copy>
HWY_INLINE void pack_row(const PackJob& job, const PackedColumns& columns, const Value* input, const Copy& copy_values,
                         Packed* packed) {
  clear(columns.begin * job.batch, packed);
  const int64_t stride = job.step * job.input_batch;
  const Value* from = input + columns.first * job.input_batch + columns.begin * stride;
  Packed* to = packed + columns.begin * job.batch;
  if (stride == job.batch) {
    copy_values(from, (columns.end - columns.begin) * job.batch, to);
  } else if (job.images == kLanes && job.batch == kLanes) {  // the same as below, for the most frequent case
    for (int64_t i = columns.begin; i < columns.end; ++i) {
      copy_values(from, kLanes, to);
      from += stride;
      to += kLanes;
    }
  } else {
    for (int64_t i = columns.begin; i < columns.end; ++i) {
      copy_values(from, job.images, to);
      clear(job.batch - job.images, to + job.images);
      from += stride;
      to += job.batch;
    }
  }
  clear(job.row_pitch - columns.end * job.batch, packed + columns.end * job.batch);
}

template <class Value, class Packed, class Copy>
void pack_plane(const PackJob& job, int64_t row_plane, const PackedColumns& columns, const Value* input,
                const Copy& copy_values, Packed* packed) {
  const int64_t input_row_size = job.input_columns * job.input_batch;
  for (int64_t i = 0; i < job.rows; ++i) {
    const int64_t row = job.first_row + row_plane + i * job.step;
    if (row < 0 || row >= job.input_rows) {
      clear(job.row_pitch, packed);
    } else {
      pack_row(job, columns, input + row * input_row_size, copy_values, packed);
    }
    packed += job.row_pitch;
  }
}

template <class Value, class Packed>
void pack_values(const PackJob& job) {
  auto* plane = job.packed.as<Packed>();
  for (const int64_t row_plane : *job.row_planes) {
    for (const int64_t column_plane : *job.column_planes) {
      const PackedColumns columns(job, column_plane);
      for (int64_t channel = 0; channel < job.channels; ++channel) {
        const Value* input = job.input.as<Value>() + channel * job.channel_size;
        Packed* packed = plane + channel * job.channel_pitch;
        if (job.map == nullptr) {
          pack_plane(job, row_plane, columns, input, PlainCopy(), packed);
        } else {
          with_mapped_copy(*job.map, job.map_channel + channel, [&](const auto& mapped_copy) HWY_ATTR {
            pack_plane(job, row_plane, columns, input, mapped_copy, packed);
          });
        }
      }
      plane += job.plane_pitch;
    }
  }
}

void pack(const PackJob& job) {
  with_value_type(job.input.format, [&job](auto value) {
    with_value_type(job.packed.format, [&job](auto packed) { pack_values<decltype(value), decltype(packed)>(job); });
  });
}

void keep_exponents(int64_t count, float smallest_normal, float* packed) {
  const Floats d;
  const Vector smallest = hn::Set(d, smallest_normal);
  for (int64_t i = 0; i < count; i += kLanes) {
    hn::Store(exponent_only(d, hn::Load(d, packed + i), smallest), d, packed + i);
  }
}

template <class Value>
void unpack_values(const UnpackJob& job) {
  Value* const output = job.output.as<Value>();
  const bool one_run = job.column_stride == job.batch && job.images == job.batch;
  const int64_t runs = one_run ? 1 : job.columns;
  const int64_t run = one_run ? job.columns * job.batch : job.images;
  const bool stream_run = job.past_caches && run % kLanes == 0 && job.column_stride % kLanes == 0 &&
                          job.row_stride % kLanes == 0 && job.channel_size % kLanes == 0 &&
                          reinterpret_cast<uintptr_t>(output) % (kLanes * sizeof(Value)) == 0;
  for (int64_t o = 0; o < job.outputs; ++o) {
    if (job.shift != nullptr) {
      copy_and_sum(job, o, runs, run, stream_run, output + o * job.channel_size);
      continue;
    }
    for (int64_t i = 0; i < job.rows; ++i) {
      const float* from = job.sums + o * job.output_floats + i * job.row_floats;
      Value* to = output + o * job.channel_size + i * job.row_stride;
      for (int64_t j = 0; j < runs; ++j) {
        if (job.accumulate) {
          add(from + j * job.batch, run, to + j * job.column_stride);
        } else if (stream_run) {
          copy_past_caches(from + j * job.batch, run, to + j * job.column_stride);
        } else {
          copy(from + j * job.batch, run, to + j * job.column_stride);
        }
      }
    }
  }
  if (stream_run) {
    hwy::FlushStream();  // other threads read the output next
  }
}

void unpack(const UnpackJob& job) {
  with_value_type(job.output.format, [&job](auto value) { unpack_values<decltype(value)>(job); });
}

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

/// kVectors vectors of one row.
template <int kVectors>
HWY_INLINE void sum_vectors(const float* packed, const Term* begin, const Term* end, bool first, float* sums) {
  const Floats d;
  Vector sum[kVectors];
#pragma GCC unroll kUnroll
  for (int v = 0; v < kVectors; ++v) {
    sum[v] = first ? hn::Zero(d) : hn::Load(d, sums + v * kLanes);
  }
  for (const Term* term = begin; term != end; ++term) {
    const Vector value = hn::Set(d, term->value());
    const float* const from = packed + term->offset;
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(value, hn::LoadU(d, from + v * kLanes), sum[v]);
    }
  }
#pragma GCC unroll kUnroll
  for (int v = 0; v < kVectors; ++v) {
    hn::Store(sum[v], d, sums + v * kLanes);
  }
}

void sum_rows(const SumJob& job) {
  constexpr int kVectors = 8;
  for (int64_t o = 0; o < job.outputs; ++o) {
    const Term* const begin = job.terms + job.begin[o];
    const Term* const end = job.terms + job.begin[o + 1];
    if (begin == end && !job.first) {
      continue;
    }
    for (int64_t i = 0; i < job.rows; ++i) {
      const float* const row = reinterpret_cast<const float*>(job.packed) + i * job.row_pitch;
      float* const sums = job.sums + (o * job.rows + i) * job.vectors * kLanes;
      int64_t v = 0;
      for (; v + kVectors <= job.vectors; v += kVectors) {
        sum_vectors<kVectors>(row + v * kLanes, begin, end, job.first, sums + v * kLanes);
      }
      for (; v < job.vectors; ++v) {
        sum_vectors<1>(row + v * kLanes, begin, end, job.first, sums + v * kLanes);
      }
    }
  }
}

/// Rows and vectors of a tile.
struct TilePart {
  int64_t first_row;
  int64_t end_row;
  int64_t first_vector;
  int64_t end_vector;
};

/// kTerms dot products side by side.
template <int kTerms>
HWY_INLINE void dot_part(const DotJob& job, const float* tile, const TilePart& part, const Term* terms, bool first,
                         float* sums) {
  const Floats d;
  size_t offset[kTerms];
  Vector sum[kTerms];
#pragma GCC unroll kUnroll
  for (int t = 0; t < kTerms; ++t) {
    offset[t] = terms[t].offset;
    sum[t] = hn::Zero(d);
  }
  for (int64_t i = part.first_row; i < part.end_row; ++i) {
    const float* const row = reinterpret_cast<const float*>(job.packed) + i * job.row_pitch;
    const float* const values = tile + i * job.vectors * kLanes;
    for (int64_t v = part.first_vector; v < part.end_vector; ++v) {
      const Vector value = hn::Load(d, values + v * kLanes);
#pragma GCC unroll kUnroll
      for (int t = 0; t < kTerms; ++t) {
        sum[t] = hn::MulAdd(value, hn::LoadU(d, row + offset[t] + v * kLanes), sum[t]);
      }
    }
  }
#pragma GCC unroll kUnroll
  for (int t = 0; t < kTerms; ++t) {
    const float total = hn::GetLane(hn::SumOfLanes(d, sum[t]));
    sums[t] = first ? total : sums[t] + total;
  }
}

/// As many as `count`, up to kTerms.
template <int kTerms>
void dot_terms_of_part(int64_t count, const DotJob& job, const float* tile, const TilePart& part, const Term* terms,
                       bool first, float* sums) {
  if (count >= kTerms) {
    dot_part<kTerms>(job, tile, part, terms, first, sums);
  } else if constexpr (kTerms > 1) {
    dot_terms_of_part<kTerms - 1>(count, job, tile, part, terms, first, sums);
  }
}

void dot_rows(const DotJob& job) {
  constexpr int kTerms = 9;             // side by side: a 3x3 kernel
  constexpr int64_t kMostOfLane = 512;  // products that a lane adds up before lanes are added, against rounding
  const int64_t rows = std::max<int64_t>(kMostOfLane / job.vectors, 1);
  const int64_t vectors = std::min(kMostOfLane, job.vectors);
  for (int64_t o = 0; o < job.outputs; ++o) {
    const float* const tile = reinterpret_cast<const float*>(job.tiles) + o * job.rows * job.vectors * kLanes;
    for (int64_t row = 0; row < job.rows; row += rows) {
      for (int64_t vector = 0; vector < job.vectors; vector += vectors) {
        const TilePart part{row, std::min(job.rows, row + rows), vector, std::min(job.vectors, vector + vectors)};
        for (uint32_t term = job.begin[o]; term < job.begin[o + 1]; term += kTerms) {
          dot_terms_of_part<kTerms>(job.begin[o + 1] - term, job, tile, part, job.terms + term,
                                    job.first && row == 0 && vector == 0, job.sums + term);
        }
      }
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
  kernels.pack = pack;
  kernels.keep_exponents = keep_exponents;
  kernels.unpack = unpack;
  kernels.add_lane_sums = add_lane_sums;
  kernels.sum_rows = sum_rows;
  kernels.dot_rows = dot_rows;
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
