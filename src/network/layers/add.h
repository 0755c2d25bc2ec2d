#pragma once

#include "network/layer.h"

namespace trainer::layers {

/// Y = A + B: where a residual branch meets its shortcut. BP hands dY on to both, without a copy where the network can.
class Add : public Layer {
 public:
  std::string_view kind() const override { return "add"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.in_place = true, .keeps_doutput = true, .accumulates = true}; }
  NewValues new_values() const override { return {.output = true, .dinputs = false}; }
  LayerFormats formats() const override { return LayerFormats::uniform; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;

 private:
  KernelPath path_ = KernelPath::highway;
};

}  // namespace trainer::layers
