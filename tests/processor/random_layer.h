#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "kernels/convolution/convolution.h"
#include "processor/parameters.h"
#include "tensor/bitmap.h"
#include "tensor/tensor.h"

namespace trainer {

/// One convolution with its operands.
struct LayerCase {
  ConvolutionGeometry geometry;
  Tensor X;
  Tensor dZ;
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> weights;  ///< in the pattern's order; some may be zero

  WeightView W() const { return {pattern, weights}; }
  float weight(int64_t k, int64_t column) const;  ///< 0 where pruned
  bool unpruned(int64_t k, int64_t column) const;
};

/// Operands with the given shares of non-zeros.
LayerCase make_layer(const ConvolutionGeometry& geometry, double x_density, double dz_density, double weight_density,
                     uint64_t seed);
/// A small layer of any shape, stride, padding, dilation, groups and densities.
LayerCase random_layer(uint64_t seed);
/// Any small array with any capabilities.
ProcessorParameters random_processor(uint64_t seed);

/// A layer's bitmaps, packed as the model asks for them.
struct LayerBitmaps {
  explicit LayerBitmaps(const LayerCase& layer) {
    X.assign(layer.X, layer.geometry.padding, layer.geometry.stride);
    dZ.assign(layer.dZ, 0, 1);
  }
  Bitmap X;
  Bitmap dZ;
};

}  // namespace trainer
