#pragma once

#include <vector>

#include "kernels/convolution/convolution.h"

namespace trainer {

/// FF, BP and WG of one convolution.
struct ContractionValues {
  Tensor Z;
  Tensor dX;
  std::vector<float> dW;  ///< in the pattern's order
};

/// With every sum in the order of the Trainer processor (docs/precision.md, reference.cpp), in FP32 and not rounded to
/// a storage format: what a model of the processor is held to, for operands whose products are exact in FP32. X, W and
/// dZ are FP32 tensors of the geometry's shapes.
ContractionValues contract_in_processor_order(const ConvolutionGeometry& geometry, const Tensor& X, const WeightView& W,
                                              const Tensor& dZ);

}  // namespace trainer
