#pragma once

#include <memory>

#include "kernels/convolution/convolution.h"

namespace trainer {

/// Plain loops over unpruned weights: what the other paths are tested against.
std::unique_ptr<Convolution> make_reference_convolution(const ConvolutionGeometry& geometry);
/// oneDNN on the scattered, dense weight.
std::unique_ptr<Convolution> make_onednn_convolution(const ConvolutionGeometry& geometry);
/// Tiles of output pixels over unpruned weights alone, in Highway.
std::unique_ptr<Convolution> make_highway_convolution(const ConvolutionGeometry& geometry);

}  // namespace trainer
