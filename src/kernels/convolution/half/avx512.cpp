#include "kernels/convolution/half/half_kernels.h"

#if defined(__x86_64__)

// GCC 12 takes its own _mm512_undefined_ps() for a mistake (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstddef>
#include <utility>

// Everything up to the pop may use AVX512-FP16. Headers stand before: an inline function of theirs, compiled here,
// could be the one that a program on another CPU runs.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512fp16"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512fp16")
#endif

#define TRAINER_HALF_INLINE [[gnu::always_inline]] inline

namespace trainer::half {
namespace {

struct Avx512 {
  using Vector = __m512h;

  static constexpr int64_t kLanes = 32;
  static constexpr int64_t kAccumulators = 24;

  static VectorUnit unit() {
    VectorUnit unit;
    unit.lanes = kLanes;
    unit.accumulators = kAccumulators;
    unit.values = Format::fp16;
    unit.sum_cycles = 4;
    unit.chunk = kHalfChunk;
    return unit;
  }

  TRAINER_HALF_INLINE static Vector zero() { return _mm512_setzero_ph(); }
  TRAINER_HALF_INLINE static Vector load(const uint16_t* from) { return _mm512_loadu_ph(from); }
  TRAINER_HALF_INLINE static Vector broadcast(uint32_t twice) {
    return _mm512_castsi512_ph(_mm512_set1_epi32(static_cast<int>(twice)));
  }
  TRAINER_HALF_INLINE static Vector multiply_add(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ph(a, b, sum); }

  TRAINER_HALF_INLINE static __m512 lower(Vector halves) { return _mm512_cvtxph_ps(_mm512_castph512_ph256(halves)); }
  TRAINER_HALF_INLINE static __m512 upper(Vector halves) {
    return _mm512_cvtxph_ps(_mm256_castsi256_ph(_mm512_extracti64x4_epi64(_mm512_castph_si512(halves), 1)));
  }
  /// sums (+)= halves, in FP32.
  TRAINER_HALF_INLINE static void add_to(float* sums, Vector halves, bool first) {
    __m512 low = lower(halves);
    __m512 high = upper(halves);
    if (!first) {
      low = _mm512_add_ps(low, _mm512_load_ps(sums));
      high = _mm512_add_ps(high, _mm512_load_ps(sums + 16));
    }
    _mm512_store_ps(sums, low);
    _mm512_store_ps(sums + 16, high);
  }

  static constexpr int kFoldRoundings = 2;

  TRAINER_HALF_INLINE static Vector add(Vector a, Vector b) { return _mm512_add_ph(a, b); }
  /// Of 128-bit blocks: (a0 + a2, a1 + a3, b0 + b2, b1 + b3).
  TRAINER_HALF_INLINE static Vector fold(Vector a, Vector b) {
    const __m512 x = _mm512_castph_ps(a);
    const __m512 y = _mm512_castph_ps(b);
    return _mm512_add_ph(_mm512_castps_ph(_mm512_shuffle_f32x4(x, y, 0x44)),
                         _mm512_castps_ph(_mm512_shuffle_f32x4(x, y, 0xee)));
  }
  /// Of 128-bit blocks: (a0 + a1, a2 + a3, b0 + b1, b2 + b3).
  TRAINER_HALF_INLINE static Vector fold_neighbours(Vector a, Vector b) {
    const __m512 x = _mm512_castph_ps(a);
    const __m512 y = _mm512_castph_ps(b);
    return _mm512_add_ph(_mm512_castps_ph(_mm512_shuffle_f32x4(x, y, 0x88)),
                         _mm512_castps_ph(_mm512_shuffle_f32x4(x, y, 0xdd)));
  }
  /// The sums of the lanes of a, b, c and d: two folds in FP16, the rest in FP32.
  TRAINER_HALF_INLINE static __m128 add_lanes(Vector a, Vector b, Vector c, Vector d) {
    const Vector all = fold_neighbours(fold(a, b), fold(c, d));
    const __m512 ab = lower(all);
    const __m512 cd = upper(all);
    __m512 sum = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0x4e));
    sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0xb1));
    return _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, sum));
  }
  TRAINER_HALF_INLINE static void add_dots(__m128 dots, bool first, float* sums) {
    _mm_storeu_ps(sums, first ? dots : _mm_add_ps(dots, _mm_loadu_ps(sums)));
  }
};

}  // namespace
}  // namespace trainer::half

#include "kernels/convolution/half/tile_templates-inl.h"

namespace trainer::half {

void enter_avx512(TileKernels& kernels) {
  enter_all<Avx512>(kernels, std::make_integer_sequence<int, kMostTileRows * kMostTileVectors>());
}

}  // namespace trainer::half

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
