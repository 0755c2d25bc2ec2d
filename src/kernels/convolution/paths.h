#pragma once

#include <memory>

#include "kernels/convolution/convolution.h"
#include "kernels/workspace.h"

namespace trainer {

/// Places of a tile of WG in the Trainer processor (docs/precision.md).
inline constexpr int64_t kPlacesOfTile = 512;

/// Plain loops over unpruned weights: what the other paths are tested against. WG adds tiles of so many places.
std::unique_ptr<Convolution> make_reference_convolution(const ConvolutionGeometry& geometry,
                                                        int64_t places_of_tile = kPlacesOfTile);
/// oneDNN on the scattered, dense weight.
std::unique_ptr<Convolution> make_onednn_convolution(const ConvolutionGeometry& geometry,
                                                     std::shared_ptr<Workspace> workspace);
/// Tiles of output pixels over unpruned weights alone, in Highway.
std::unique_ptr<Convolution> make_highway_convolution(const ConvolutionGeometry& geometry,
                                                      std::shared_ptr<Workspace> workspace);

/// The same tiles with multiply-adds in FP16, in chunks of kHalfChunk that are added up in FP32 (half/half_kernels.h).
/// Operands are rounded to FP16 where they are not of it. Throws UsageError on a CPU without FP16 arithmetic.
std::unique_ptr<Convolution> make_half_convolution(const ConvolutionGeometry& geometry,
                                                   std::shared_ptr<Workspace> workspace);

/// Lets a convolution that knows FP32 tensors alone work on tensors of any format, by way of FP32 copies.
std::unique_ptr<Convolution> with_fp32_operands(std::unique_ptr<Convolution> inner,
                                                std::shared_ptr<Workspace> workspace);

}  // namespace trainer
