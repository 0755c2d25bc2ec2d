#pragma once

#include <cstddef>

/// What the highway path does with the values of one channel, for the best instruction set of the CPU.
namespace trainer::batchnorm {

struct Sums {
  double first = 0;
  double second = 0;
};

/// sum(z - shift) and sum((z - shift)^2): FP32 within blocks of 4096 values, blocks added in order in FP64.
Sums shifted_sums(const float* z, size_t count, float shift);
/// sum(dy) and sum(dy * (z - mean)), added likewise.
Sums gradient_sums(const float* dy, const float* z, size_t count, float mean);

/// y = (z - mean) * scale + offset. Not folded to scale * z + t: that would lose log2(|mean| / std) bits.
void scale_and_offset(const float* z, size_t count, float mean, float scale, float offset, float* y);
/// dz = a * dy + b * (z - mean) + c; `dz` may be `dy`.
void combine(const float* dy, const float* z, size_t count, float mean, float a, float b, float c, float* dz);

// The same with ReLU after BN, value for value what the above give with a pass for ReLU before or after them.

/// a = max((z - mean) * scale + offset + addend, 0); a NaN stays NaN. `addend` may be null, and may be `a`.
void scale_offset_rectify(const float* z, const float* addend, size_t count, float mean, float scale, float offset,
                          float* a);
/// gradient_sums of dy = da where (z - mean) * scale + offset > 0, else 0.
Sums active_gradient_sums(const float* da, const float* z, size_t count, float mean, float scale, float offset);
/// combine of the same dy; `dz` may be `da`.
void combine_active(const float* da, const float* z, size_t count, float mean, float scale, float offset, float a,
                    float b, float c, float* dz);
/// gradient_sums of dy = da where `activation` > 0, else 0; leaves dy in `da`.
Sums mask_and_sum(float* da, const float* activation, const float* z, size_t count, float mean);

}  // namespace trainer::batchnorm
