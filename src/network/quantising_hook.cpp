#include "network/quantising_hook.h"

namespace trainer {

void QuantisingHook::show(StepHook* hook, bool training) {
  forward_to(hook);
  training_ = training;
}

void QuantisingHook::feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) {
  const auto node = static_cast<size_t>(layer.index);
  if (nodes_[node].rounds_output) {
    quantiser_.round_output(node, training_, Z);
  }
  ForwardingHook::feedforward(layer, X, W, Z);
  if (nodes_[node].rounds_output && changes_outputs()) {  // what it put there is stored like the rest
    quantiser_.round_output(node, training_, Z);
  }
}

void QuantisingHook::backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W,
                                     const Tensor& dZ, Tensor& dX) {
  round_input_gradient(layer.index, dX);
  ForwardingHook::backpropagation(layer, X, W, dZ, dX);
}

void QuantisingHook::batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) {
  round_input_gradient(layer.index, dZ);
  ForwardingHook::batchnorm_backpropagation(layer, Z, dZ);
}

void QuantisingHook::round_input_gradient(int layer, Tensor& gradient) {
  if (const int input = nodes_[static_cast<size_t>(layer)].input; input >= 0) {
    quantiser_.round_gradient(static_cast<size_t>(input), gradient);
  }
}

}  // namespace trainer
