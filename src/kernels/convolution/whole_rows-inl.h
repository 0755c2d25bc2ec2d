// Included once for each instruction set by files that include hwy/foreach_target.h; hence Highway's own guard.
#if defined(TRAINER_KERNELS_CONVOLUTION_WHOLE_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRAINER_KERNELS_CONVOLUTION_WHOLE_ROWS_INL_H_
#undef TRAINER_KERNELS_CONVOLUTION_WHOLE_ROWS_INL_H_
#else
#define TRAINER_KERNELS_CONVOLUTION_WHOLE_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "kernels/convolution/tile_kernels.h"
#include "kernels/convolution/tile_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace trainer::HWY_NAMESPACE::tile {

// Kernels for tiles of whole rows (Tiling::whole_rows): sums pass through memory, not held in registers.

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

inline void sum_rows(const SumJob& job) {
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

inline void dot_rows(const DotJob& job) {
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

}  // namespace trainer::HWY_NAMESPACE::tile
HWY_AFTER_NAMESPACE();

#endif
