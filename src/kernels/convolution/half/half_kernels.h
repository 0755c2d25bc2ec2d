#pragma once

#include <cstdint>

#include "kernels/convolution/tile_kernels.h"

namespace trainer {

/// Most roundings to FP16 that a product passes before the sum it is in is widened and added to one in FP32. FF and BP
/// add up so many terms at most; WG adds so many products of a term, less what it takes to add lanes to each other.
inline constexpr int kHalfChunk = 16;

/// Throws UsageError, one line of what to do, where the CPU has no arithmetic in FP16 (base/cpu_features.h).
void require_half_arithmetic();

/// The tile kernels that multiply and add in FP16, for this CPU; packing and unpacking are those of tile_kernels().
/// Throws as require_half_arithmetic() does.
const TileKernels& half_tile_kernels();

namespace half {

/// What one instruction set has: `sum` and `dot` of TileKernels, and its unit.
void enter_avx512(TileKernels& kernels);
void enter_neon(TileKernels& kernels);

}  // namespace half
}  // namespace trainer
