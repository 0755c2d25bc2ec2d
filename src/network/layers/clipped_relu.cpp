#include "network/layers/clipped_relu.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "kernels/clipped_relu/clipped_relu.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {

ClippedRelu::ClippedRelu(float ceiling) : ceiling_(ceiling) {
  if (!(ceiling > 0) || !std::isfinite(ceiling)) {
    throw UsageError(fmt::format("clipped relu: ceiling {} must be above 0 and finite", ceiling));
  }
}

Shape ClippedRelu::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  return inputs[0];
}

void ClippedRelu::plan(int /*index*/, const std::string& /*name*/, std::span<const Shape> /*inputs*/, KernelPath path) {
  path_ = operation_path(path);
}

void ClippedRelu::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/,
                              StepHook* /*hook*/) {
  clipped_relu_feedforward(path_, ceiling_, *inputs[0], output);
}

void ClippedRelu::backpropagate(const BackwardView& view, StepHook* /*hook*/) {
  if (Tensor* dY = view.dinputs[0]; dY != nullptr) {
    clipped_relu_backpropagate(path_, ceiling_, view.output, view.doutput, *dY);
  }
}

}  // namespace trainer::layers
