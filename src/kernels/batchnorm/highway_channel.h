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

}  // namespace trainer::batchnorm
