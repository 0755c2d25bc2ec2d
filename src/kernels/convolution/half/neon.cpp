#include "kernels/convolution/half/half_kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstddef>
#include <utility>

// Everything up to the pop may use FEAT_FP16. Headers stand before, as in avx512.cpp.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("fullfp16"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+fp16")
#endif

#define TRAINER_HALF_INLINE [[gnu::always_inline]] inline

namespace trainer::half {
namespace {

struct Neon {
  using Vector = float16x8_t;

  static constexpr int64_t kLanes = 8;
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

  TRAINER_HALF_INLINE static Vector zero() { return vreinterpretq_f16_u16(vdupq_n_u16(0)); }
  TRAINER_HALF_INLINE static Vector load(const uint16_t* from) { return vreinterpretq_f16_u16(vld1q_u16(from)); }
  TRAINER_HALF_INLINE static Vector broadcast(uint32_t twice) { return vreinterpretq_f16_u32(vdupq_n_u32(twice)); }
  TRAINER_HALF_INLINE static Vector multiply_add(Vector a, Vector b, Vector sum) { return vfmaq_f16(sum, a, b); }
  TRAINER_HALF_INLINE static Vector add(Vector a, Vector b) { return vaddq_f16(a, b); }

  TRAINER_HALF_INLINE static float32x4_t lower(Vector halves) { return vcvt_f32_f16(vget_low_f16(halves)); }
  TRAINER_HALF_INLINE static float32x4_t upper(Vector halves) { return vcvt_high_f32_f16(halves); }
  /// sums (+)= halves, in FP32.
  TRAINER_HALF_INLINE static void add_to(float* sums, Vector halves, bool first) {
    float32x4_t low = lower(halves);
    float32x4_t high = upper(halves);
    if (!first) {
      low = vaddq_f32(low, vld1q_f32(sums));
      high = vaddq_f32(high, vld1q_f32(sums + 4));
    }
    vst1q_f32(sums, low);
    vst1q_f32(sums + 4, high);
  }

  static constexpr int kFoldRoundings = 0;

  TRAINER_HALF_INLINE static float32x4_t fold(Vector halves) { return vaddq_f32(lower(halves), upper(halves)); }
  /// The sums of the lanes of a, b, c and d, all in FP32.
  TRAINER_HALF_INLINE static float32x4_t add_lanes(Vector a, Vector b, Vector c, Vector d) {
    return vpaddq_f32(vpaddq_f32(fold(a), fold(b)), vpaddq_f32(fold(c), fold(d)));
  }
  TRAINER_HALF_INLINE static void add_dots(float32x4_t dots, bool first, float* sums) {
    vst1q_f32(sums, first ? dots : vaddq_f32(dots, vld1q_f32(sums)));
  }
};

}  // namespace
}  // namespace trainer::half

#include "kernels/convolution/half/tile_templates-inl.h"

namespace trainer::half {

void enter_neon(TileKernels& kernels) {
  enter_all<Neon>(kernels, std::make_integer_sequence<int, kMostTileRows * kMostTileVectors>());
}

}  // namespace trainer::half

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
