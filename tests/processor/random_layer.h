#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "kernels/convolution/convolution.h"
#include "processor/parameters.h"
#include "tensor/bitmap.h"
#include "tensor/tensor.h"

namespace trainer {

/// One convolution with its operands, what training does with it and what stands around it.
struct LayerCase {
  ConvolutionGeometry geometry;
  Tensor X;
  Tensor dZ;
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> weights;  ///< in the pattern's order; some may be zero
  /// Of every value of Z, in the tensor's order, whether training skipped it; empty where it did not speculate.
  std::vector<uint8_t> skipped;
  bool reads_shortcut = false;
  int64_t wanted_before = -1;  ///< outputs wanted in the last speculated FF; -1 for none
  bool gradient_pruned = false;
  bool input_is_rectified = false;
  bool input_from_batchnorm = false;
  bool output_to_batchnorm = false;

  WeightView W() const { return {pattern, weights}; }
  float weight(int64_t k, int64_t column) const;  ///< 0 where pruned
  bool unpruned(int64_t k, int64_t column) const;
};

/// Operands with the given shares of non-zeros.
LayerCase make_layer(const ConvolutionGeometry& geometry, double x_density, double dz_density, double weight_density,
                     uint64_t seed);
/// A small layer of any shape, stride, padding, dilation, groups, densities, skipped outputs and surroundings.
LayerCase random_layer(uint64_t seed);
/// Any small array with any capabilities.
ProcessorParameters random_processor(uint64_t seed);

/// A layer's bitmaps, packed as the model asks for them.
struct LayerBitmaps {
  explicit LayerBitmaps(const LayerCase& layer) {
    X.assign(layer.X, layer.geometry.padding, layer.geometry.stride);
    dZ.assign(layer.dZ, 0, 1);
    if (!layer.skipped.empty()) {
      Tensor kept(layer.geometry.output());
      for (size_t i = 0; i < layer.skipped.size(); ++i) {
        kept.values()[i] = layer.skipped[i] != 0 ? 0.0F : 1.0F;
      }
      wanted.assign(kept, 0, 1);
    }
  }
  Bitmap X;
  Bitmap dZ;
  Bitmap wanted;  ///< of Z, where some are skipped
};

}  // namespace trainer
