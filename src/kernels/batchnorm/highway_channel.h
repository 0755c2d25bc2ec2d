#pragma once

#include <cstddef>

#include "kernels/batchnorm/sums.h"
#include "tensor/half.h"

/// What the highway path does with the values of one channel, for the best instruction set of the CPU.
namespace trainer::batchnorm {

/// For values stored as `Value`, float or Half; all arithmetic is FP32.
template <class Value>
struct ChannelKernels {
  /// sum(z - shift) and sum((z - shift)^2): FP32 within blocks of 4096 values, blocks added in order in FP64.
  Sums (*shifted_sums)(const Value* z, size_t count, float shift);
  /// sum(dy) and sum(dy * (z - mean)), added likewise.
  Sums (*gradient_sums)(const Value* dy, const Value* z, size_t count, float mean);

  /// y = (z - mean) * scale + offset. Not folded to scale * z + t: that would lose log2(|mean| / std) bits.
  void (*scale_and_offset)(const Value* z, size_t count, float mean, float scale, float offset, Value* y);
  /// dz = a * dy + b * (z - mean) + c; `dz` may be `dy`.
  void (*combine)(const Value* dy, const Value* z, size_t count, float mean, float a, float b, float c, Value* dz);

  // The same with ReLU after BN, or ReLU cut at a ceiling (kNotCut: none), in FP32 value for value what the above give
  // with a pass for ReLU before or after them.

  /// a = min(max((z - mean) * scale + offset + addend, 0), ceiling); a NaN stays NaN. `addend` may be null, and may be
  /// `a`.
  void (*scale_offset_rectify)(const Value* z, const Value* addend, size_t count, float mean, float scale, float offset,
                               float ceiling, Value* a);
  /// gradient_sums of dy = da where 0 < (z - mean) * scale + offset < ceiling, else 0.
  Sums (*active_gradient_sums)(const Value* da, const Value* z, size_t count, float mean, float scale, float offset,
                               float ceiling);
  /// combine of the same dy; `dz` may be `da`.
  void (*combine_active)(const Value* da, const Value* z, size_t count, float mean, float scale, float offset,
                         float ceiling, float a, float b, float c, Value* dz);
  /// gradient_sums of dy = da where 0 < `activation` < ceiling, else 0; leaves dy in `da`.
  Sums (*mask_and_sum)(Value* da, const Value* activation, const Value* z, size_t count, float mean, float ceiling);
};

/// For float and Half.
template <class Value>
const ChannelKernels<Value>& channel_kernels();

}  // namespace trainer::batchnorm
