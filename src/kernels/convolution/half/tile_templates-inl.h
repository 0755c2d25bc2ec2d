// Tile kernels in FP16 over a type `Halves`, one instruction set's vector of FP16. Included within that instruction
// set's target region, so nothing but templates of an unnamed namespace may stand here: what a compiler makes of them
// must not be taken for another file's.
#pragma once

namespace trainer::half {
namespace {

// Tiles live in registers only when their loops are unrolled; see tile_kernels.cpp about sanitizers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kUnroll = 1;
#else
constexpr int kUnroll = 32;
#endif

template <class Halves, int kRows>
TRAINER_HALF_INLINE void find_rows(const std::byte* packed, int64_t row_pitch, const uint16_t* (&rows)[kRows]) {
  for (int i = 0; i < kRows; ++i) {
    rows[i] = reinterpret_cast<const uint16_t*>(packed) + i * row_pitch;
  }
}

/// sums (+)= the products of up to kHalfChunk terms.
template <class Halves, int kRows, int kVectors>
TRAINER_HALF_INLINE void add_chunk(const Term* term, const Term* end, const uint16_t* const (&rows)[kRows], bool first,
                                   float* sums) {
  typename Halves::Vector sum[kRows][kVectors];
#pragma GCC unroll kUnroll
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVectors; ++v) {
      sum[i][v] = Halves::zero();
    }
  }
  for (; term != end; ++term) {
    const auto value = Halves::broadcast(term->bits);
    const size_t offset = term->offset;
#pragma GCC unroll kUnroll
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kVectors; ++v) {
        sum[i][v] = Halves::multiply_add(value, Halves::load(rows[i] + offset + v * Halves::kLanes), sum[i][v]);
      }
    }
  }
#pragma GCC unroll kUnroll
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVectors; ++v) {
      Halves::add_to(sums + (i * kVectors + v) * Halves::kLanes, sum[i][v], first);
    }
  }
}

template <class Halves, int kRows, int kVectors>
void sum_tile(const SumJob& job) {
  const uint16_t* rows[kRows];
  find_rows<Halves>(job.packed, job.row_pitch, rows);
  const std::byte* const* next_line = job.prefetch.begin;
  for (int64_t o = 0; o < job.outputs; ++o) {
    next_line = job.prefetch.ask_from(next_line);
    const Term* term = job.terms + job.begin[o];
    const Term* const end = job.terms + job.begin[o + 1];
    if (term == end && !job.first) {
      continue;
    }
    float* sums = job.sums + o * kRows * kVectors * Halves::kLanes;
    bool first = job.first;
    do {
      const Term* const chunk_end = end - term > kHalfChunk ? term + kHalfChunk : end;
      add_chunk<Halves, kRows, kVectors>(term, chunk_end, rows, first, sums);
      term = chunk_end;
      first = false;
    } while (term != end);
  }
}

/// Sums that a tile's products of one term are dealt out to, so that no product passes more than kHalfChunk roundings:
/// those of its sum, of adding the sums to each other, and of folding.
template <class Halves>
constexpr int dot_parts(int products) {
  int parts = 1;
  while ((products + parts - 1) / parts + (parts - 1) + Halves::kFoldRoundings > kHalfChunk) {
    ++parts;
  }
  return parts;
}

/// kTerms dot products side by side.
template <class Halves, int kTerms, int kRows, int kVectors>
TRAINER_HALF_INLINE void dot_terms(const typename Halves::Vector (&tile)[kRows][kVectors],
                                   const uint16_t* const (&rows)[kRows], const Term* terms, bool first, float* sums) {
  constexpr int kParts = dot_parts<Halves>(kRows * kVectors);
  size_t offset[kTerms];
  typename Halves::Vector sum[kParts][4];
#pragma GCC unroll kUnroll
  for (int t = 0; t < kTerms; ++t) {
    offset[t] = terms[t].offset;
  }
#pragma GCC unroll kUnroll
  for (int part = 0; part < kParts; ++part) {
#pragma GCC unroll kUnroll
    for (int t = 0; t < 4; ++t) {
      sum[part][t] = Halves::zero();
    }
  }
#pragma GCC unroll kUnroll
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kVectors; ++v) {
#pragma GCC unroll kUnroll
      for (int t = 0; t < kTerms; ++t) {
        auto& to = sum[(i * kVectors + v) % kParts][t];
        to = Halves::multiply_add(tile[i][v], Halves::load(rows[i] + offset[t] + v * Halves::kLanes), to);
      }
    }
  }
#pragma GCC unroll kUnroll
  for (int part = 1; part < kParts; ++part) {
#pragma GCC unroll kUnroll
    for (int t = 0; t < kTerms; ++t) {
      sum[0][t] = Halves::add(sum[0][t], sum[part][t]);
    }
  }
  const auto dots = Halves::add_lanes(sum[0][0], sum[0][1], sum[0][2], sum[0][3]);
  if constexpr (kTerms == 4) {
    Halves::add_dots(dots, first, sums);
  } else {
    alignas(16) float values[4];
    Halves::add_dots(dots, true, values);
    for (int t = 0; t < kTerms; ++t) {
      sums[t] = first ? values[t] : values[t] + sums[t];
    }
  }
}

template <class Halves, int kRows, int kVectors>
void dot_tile(const DotJob& job) {
  const uint16_t* rows[kRows];
  find_rows<Halves>(job.packed, job.row_pitch, rows);
  const std::byte* const* next_line = job.prefetch.begin;
  for (int64_t o = 0; o < job.outputs; ++o) {
    next_line = job.prefetch.ask_from(next_line);
    uint32_t term = job.begin[o];
    const uint32_t end = job.begin[o + 1];
    if (term == end) {
      continue;
    }
    const auto* tiles = reinterpret_cast<const uint16_t*>(job.tiles) + o * kRows * kVectors * Halves::kLanes;
    typename Halves::Vector tile[kRows][kVectors];
#pragma GCC unroll kUnroll
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll kUnroll
      for (int v = 0; v < kVectors; ++v) {
        tile[i][v] = Halves::load(tiles + (i * kVectors + v) * Halves::kLanes);
      }
    }
    for (; term + 4 <= end; term += 4) {
      dot_terms<Halves, 4>(tile, rows, job.terms + term, job.first, job.sums + term);
    }
    switch (end - term) {
      case 3:
        dot_terms<Halves, 3>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      case 2:
        dot_terms<Halves, 2>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      case 1:
        dot_terms<Halves, 1>(tile, rows, job.terms + term, job.first, job.sums + term);
        break;
      default:
        break;
    }
  }
}

template <class Halves, int kRows, int kVectors>
void enter(TileKernels& kernels) {
  if constexpr (kRows * kVectors <= Halves::kAccumulators) {
    kernels.sum[kRows - 1][kVectors - 1] = sum_tile<Halves, kRows, kVectors>;
    kernels.dot[kRows - 1][kVectors - 1] = dot_tile<Halves, kRows, kVectors>;
  }
}

template <class Halves, int... kIndices>
void enter_all(TileKernels& kernels, std::integer_sequence<int, kIndices...> /*tile shapes*/) {
  kernels.unit = Halves::unit();
  for (int i = 0; i < kMostTileRows; ++i) {
    for (int j = 0; j < kMostTileVectors; ++j) {
      kernels.sum[i][j] = nullptr;
      kernels.dot[i][j] = nullptr;
    }
  }
  (enter<Halves, kIndices / kMostTileVectors + 1, kIndices % kMostTileVectors + 1>(kernels), ...);
}

}  // namespace
}  // namespace trainer::half
