#pragma once

#include "network/layer.h"

namespace trainer::layers {

/// A = max(Y, 0), in place where the network can.
class Relu : public Layer {
 public:
  std::string_view kind() const override { return "relu"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.in_place = true, .reads_output = true}; }
  NewValues new_values() const override { return {.output = false, .dinputs = false}; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;

 private:
  KernelPath path_ = KernelPath::highway;
};

}  // namespace trainer::layers
