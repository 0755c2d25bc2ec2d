#include "network/quantising_hook.h"

namespace trainer {

void QuantisingHook::show(StepHook* hook, bool training) {
  hook_ = hook != nullptr ? hook : &none_;
  training_ = training;
}

void QuantisingHook::begin_step(int64_t step) { hook_->begin_step(step); }

void QuantisingHook::outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) {
  hook_->outputs_skipped(layer, skipped);
}

void QuantisingHook::rectification(const ContractionLayer& layer, const Rectification& after) {
  hook_->rectification(layer, after);
}
void QuantisingHook::rectified(const ContractionLayer& layer, Tensor& A) { hook_->rectified(layer, A); }

void QuantisingHook::feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) {
  const auto node = static_cast<size_t>(layer.index);
  if (nodes_[node].rounds_output) {
    quantiser_.round_output(node, training_, Z);
  }
  hook_->feedforward(layer, X, W, Z);
  if (nodes_[node].rounds_output && hook_->changes_outputs()) {  // what it put there is stored like the rest
    quantiser_.round_output(node, training_, Z);
  }
}

void QuantisingHook::gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) {
  hook_->gradient(layer, X, W, dZ);
}

void QuantisingHook::backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W,
                                     const Tensor& dZ, Tensor& dX) {
  round_input_gradient(layer.index, dX);
  hook_->backpropagation(layer, X, W, dZ, dX);
}

void QuantisingHook::weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W,
                                     const Tensor& dZ, std::span<float> dW) {
  hook_->weight_gradient(layer, X, W, dZ, dW);
}

void QuantisingHook::batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) {
  hook_->batchnorm_feedforward(layer, Z);
}

void QuantisingHook::batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) {
  round_input_gradient(layer.index, dZ);
  hook_->batchnorm_backpropagation(layer, Z, dZ);
}

void QuantisingHook::round_input_gradient(int layer, Tensor& gradient) {
  if (const int input = nodes_[static_cast<size_t>(layer)].input; input >= 0) {
    quantiser_.round_gradient(static_cast<size_t>(input), gradient);
  }
}

void QuantisingHook::update(std::span<Parameter* const> parameters) { hook_->update(parameters); }

void QuantisingHook::end_step() { hook_->end_step(); }

}  // namespace trainer
