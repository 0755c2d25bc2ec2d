#include "network/layers/add.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/elementwise/add.h"
#include "kernels/elementwise/convert.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {

Shape Add::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 2);
  if (inputs[0] != inputs[1]) {
    throw UsageError(fmt::format("add needs equal shapes, but its inputs are {} and {}", to_string(inputs[0]),
                                 to_string(inputs[1])));
  }
  return inputs[0];
}

void Add::plan(int /*index*/, const std::string& /*name*/, std::span<const Shape> /*inputs*/, KernelPath path) {
  path_ = operation_path(path);
}

void Add::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/, StepHook* /*hook*/) {
  trainer::add(path_, *inputs[0], *inputs[1], output);
}

void Add::backpropagate(const BackwardView& view, StepHook* /*hook*/) {
  for (size_t i = 0; i < view.dinputs.size(); ++i) {
    Tensor* dinput = view.dinputs[i];
    if (dinput == nullptr) {
      continue;
    }
    if (view.accumulate[i] != 0) {
      trainer::add(path_, *dinput, view.doutput, *dinput);
    } else if (dinput->elements().data != view.doutput.elements().data) {
      convert(view.doutput, *dinput);
    }
  }
}

}  // namespace trainer::layers
