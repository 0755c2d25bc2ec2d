#pragma once

#include "network/step_hook.h"

namespace trainer {

/// Shows another hook FP32 copies of tensors that are stored in another format, and stores what it leaves in those it
/// may change.
class Fp32Hook final : public StepHook {
 public:
  /// From now on, calls go to `hook`.
  void show(StepHook& hook) { hook_ = &hook; }

  void begin_step(int64_t step) override { hook_->begin_step(step); }
  bool changes_outputs() const override { return hook_->changes_outputs(); }
  void rectification(const ContractionLayer& layer, const Rectification& after) override;
  void rectified(const ContractionLayer& layer, Tensor& A) override;
  void outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) override {
    hook_->outputs_skipped(layer, skipped);
  }
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override;
  void gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) override;
  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& dX) override;
  void weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       std::span<float> dW) override;
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override;
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override;
  void update(std::span<Parameter* const> parameters) override { hook_->update(parameters); }
  void end_step() override { hook_->end_step(); }

 private:
  /// A tensor that hooks may read, or read and change.
  class Shown;

  StepHook* hook_ = nullptr;
  AlignedVector<float> memory_[3];
  AlignedVector<float> shortcut_memory_;  // what rectification() shows lasts until feedforward() returns
  Tensor shortcut_;
};

}  // namespace trainer
