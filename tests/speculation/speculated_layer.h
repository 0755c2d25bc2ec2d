#pragma once

#include <cmath>
#include <vector>

#include "network/support.h"
#include "speculation/feedforward.h"

namespace trainer::test {

/// One convolution with what follows it, on random operands like those of a trained layer.
struct SpeculatedLayer {
  ContractionLayer layer;
  Tensor X;
  std::shared_ptr<const Pattern> pattern;
  AlignedVector<float> weights;
  std::vector<float> gamma;
  std::vector<float> beta;
  Tensor shortcut;  // used where with_shortcut
  bool with_shortcut = false;

  explicit SpeculatedLayer(ConvolutionGeometry geometry = {8, 6, 7, 5, 10, 3, 3, 1, 1}, double density = 0.5) {
    layer.index = 3;
    layer.name = "conv";
    layer.geometry = geometry;
    Parameter weight =
        make_parameter("weight", {geometry.k, geometry.c / geometry.groups, geometry.r, geometry.s}, true);
    Random random(1);
    for (float& value : weight.value) {
      value = random.normal();
    }
    prune(weight, density, 2);
    pattern = weight.pattern;
    weights = weight.value;
    for (int64_t k = 0; k < geometry.k; ++k) {
      gamma.push_back(k % 5 == 4 ? -0.8F : 1.2F);
      beta.push_back(0.3F * random.normal());
    }
    shortcut = random_tensor(geometry.output(), 5);
    draw(10);
  }

  /// New images, half of them 0 as after a ReLU.
  void draw(uint64_t seed) {
    X = random_tensor(layer.geometry.input(), seed);
    for (float& value : X.values()) {
      value = std::max(value, 0.0F);
    }
  }
  WeightView view() const { return {pattern, weights}; }
  Rectification rectification() const { return {gamma, beta, 1e-5F, with_shortcut ? &shortcut : nullptr}; }
  /// What a network does in FF of the layer.
  SkippedOutputs speculate(FeedforwardSpeculation& speculation, Tensor& Z) const {
    make_estimating_convolution(layer.geometry)
        ->estimate(X, view(), layer.smallest_normals, speculation.estimate(layer));
    return speculation.feedforward(layer, rectification(), Z);
  }
  Tensor exact() const {
    Tensor Z(layer.geometry.output());
    make_convolution(KernelPath::reference, layer.geometry)->feedforward(X, view(), Z);
    return Z;
  }
};

inline bool is_skipped(const SkippedOutputs& skipped, int64_t channel, int64_t position) {
  const auto word = static_cast<size_t>(channel * skipped.words_per_channel + position / 64);
  return ((skipped.bits[word] >> (position % 64)) & 1U) != 0;
}

}  // namespace trainer::test
