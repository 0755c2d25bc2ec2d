#pragma once

#include "network/layer.h"

namespace trainer::layers {

/// A = min(max(Y, 0), ceiling), in place where the network can: ReLU6 for a ceiling of 6.
class ClippedRelu : public Layer {
 public:
  /// Throws UsageError for a ceiling that is not above 0 and finite.
  explicit ClippedRelu(float ceiling);

  float ceiling() const { return ceiling_; }

  std::string_view kind() const override { return "clipped relu"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.in_place = true, .reads_output = true}; }
  NewValues new_values() const override { return {.output = true, .dinputs = false}; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;

 private:
  float ceiling_;
  KernelPath path_ = KernelPath::highway;
};

}  // namespace trainer::layers
