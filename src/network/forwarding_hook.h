#pragma once

#include "network/step_hook.h"

namespace trainer {

/// A hook that stands before another one and passes every call on to it. What it does itself, a class of its own
/// overrides; so a call that StepHook gains is passed on by all of them.
class ForwardingHook : public StepHook {
 public:
  ForwardingHook() = default;
  ForwardingHook(const ForwardingHook&) = delete;
  ForwardingHook& operator=(const ForwardingHook&) = delete;

  /// From now on, calls go to `hook`; null: to nobody.
  void forward_to(StepHook* hook) { next_ = hook != nullptr ? hook : &nobody_; }

  void begin_step(int64_t step) override { next_->begin_step(step); }
  bool changes_outputs() const override { return next_->changes_outputs(); }
  void rectification(const ContractionLayer& layer, const Rectification& after) override {
    next_->rectification(layer, after);
  }
  Tensor* estimate(const ContractionLayer& layer) override { return next_->estimate(layer); }
  void rectified(const ContractionLayer& layer, Tensor& A) override { next_->rectified(layer, A); }
  void outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) override {
    next_->outputs_skipped(layer, skipped);
  }
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    next_->feedforward(layer, X, W, Z);
  }
  void gradient_dropped(const ContractionLayer& layer) override { next_->gradient_dropped(layer); }
  void gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) override {
    next_->gradient(layer, X, W, dZ);
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& dX) override {
    next_->backpropagation(layer, X, W, dZ, dX);
  }
  void weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       std::span<float> dW) override {
    next_->weight_gradient(layer, X, W, dZ, dW);
  }
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override {
    next_->batchnorm_feedforward(layer, Z);
  }
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override {
    next_->batchnorm_backpropagation(layer, Z, dZ);
  }
  void update(std::span<Parameter* const> parameters) override { next_->update(parameters); }
  void end_step() override { next_->end_step(); }

 private:
  StepHook nobody_;
  StepHook* next_ = &nobody_;
};

}  // namespace trainer
