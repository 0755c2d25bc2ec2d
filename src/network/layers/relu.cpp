#include "network/layers/relu.h"

#include "kernels/activation/relu.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {

Shape Relu::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  return inputs[0];
}

void Relu::plan(int /*index*/, const std::string& /*name*/, std::span<const Shape> /*inputs*/, KernelPath path) {
  path_ = operation_path(path);
}

void Relu::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/, StepHook* /*hook*/) {
  relu_feedforward(path_, *inputs[0], output);
}

void Relu::backpropagate(const BackwardView& view, StepHook* /*hook*/) {
  if (Tensor* dY = view.dinputs[0]; dY != nullptr) {
    relu_backpropagate(path_, view.output, view.doutput, *dY);
  }
}

}  // namespace trainer::layers
