#pragma once

#include <vector>

#include "kernels/convolution/convolution.h"
#include "kernels/convolution/paths.h"

namespace trainer {

/// FF, BP and WG of one convolution.
struct ContractionValues {
  Tensor Z;
  Tensor dX;
  std::vector<float> dW;  ///< in the pattern's order
};

/// What the order of a processor's sums depends on (docs/processor-contract.md, section 16). The paths of this engine
/// add in the order of the defaults.
struct ProcessorOrder {
  int64_t slices = 1;            ///< gc of FF and BP: parts of the input channels that are summed apart
  int64_t tile = kPlacesOfTile;  ///< array.tile, of WG; a multiple of 8
};

/// With every sum in the order of the Trainer processor (docs/precision.md, reference.cpp), in FP32 and not rounded to
/// a storage format: what a model of the processor is held to, for operands whose products are exact in FP32. X, W and
/// dZ are FP32 tensors of the geometry's shapes.
ContractionValues contract_in_processor_order(const ConvolutionGeometry& geometry, const Tensor& X, const WeightView& W,
                                              const Tensor& dZ, const ProcessorOrder& order = {});

}  // namespace trainer
