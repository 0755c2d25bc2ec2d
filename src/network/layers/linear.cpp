#include "network/layers/linear.h"

#include <fmt/format.h>

#include "base/error.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {
namespace {

const LinearOptions& checked(const LinearOptions& options) {
  if (options.in_features < 1 || options.out_features < 1) {
    throw UsageError(fmt::format("linear layer of {} to {} features: both must be at least 1", options.in_features,
                                 options.out_features));
  }
  return options;
}

}  // namespace

Linear::Linear(const LinearOptions& options)
    : options_(checked(options)), contraction_({options.out_features, options.in_features}, options.bias) {}

Shape Linear::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  const Shape& X = inputs[0];
  if (X.c * X.h * X.w != options_.in_features) {
    throw UsageError(fmt::format("linear weight {} takes {} features, but its input is {}",
                                 fmt::join(weight().extents, "x"), options_.in_features, to_string(X)));
  }
  return {X.n, options_.out_features, 1, 1};
}

void Linear::need_input_gradients(std::span<const uint8_t> needed) {
  contraction_.set_input_gradient_needed(needed[0] != 0);
}

void Linear::plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) {
  contraction_.plan(index, name, true, {.n = inputs[0].n, .c = options_.in_features, .k = options_.out_features}, path);
}

Tensor Linear::flattened(const Tensor& X) const { return X.reshaped({X.shape().n, options_.in_features, 1, 1}); }

void Linear::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/, StepHook* hook) {
  contraction_.feedforward(flattened(*inputs[0]), output, hook);
}

void Linear::weight_gradient(std::span<const Tensor* const> inputs, Tensor& doutput, StepHook* hook) {
  contraction_.weight_gradient(flattened(*inputs[0]), doutput, hook);
}

void Linear::backpropagate(const BackwardView& view, StepHook* hook) {
  if (const Tensor* dinput = view.dinputs[0]; dinput != nullptr) {
    Tensor dX = flattened(*dinput);
    contraction_.backpropagate(flattened(*view.inputs[0]), view.doutput, dX, view.accumulate[0] != 0, hook);
  }
}

}  // namespace trainer::layers
