#pragma once

#include <vector>

#include "network/quantiser.h"
#include "network/step_hook.h"

namespace trainer {

/// Rounds what contractions and BNs make before another hook, if there is one, sees it: so hooks of an FP8 network see
/// the values that training goes on with.
class QuantisingHook final : public StepHook {
 public:
  /// For the nodes of a network: whether Z is to be rounded here, and whose output is a node's first input (-1:
  /// images).
  struct Node {
    bool rounds_output = false;
    int input = -1;
  };
  QuantisingHook(Quantiser& quantiser, std::vector<Node> nodes) : quantiser_(quantiser), nodes_(std::move(nodes)) {}

  /// From now on, calls go to `hook`, which may be null. `training`: whether FF's magnitudes count for coming steps.
  void show(StepHook* hook, bool training);

  void begin_step(int64_t step) override;
  bool changes_outputs() const override { return hook_->changes_outputs(); }
  void rectification(const ContractionLayer& layer, const Rectification& after) override;
  void rectified(const ContractionLayer& layer, Tensor& A) override;
  void outputs_skipped(const ContractionLayer& layer, const SkippedOutputs& skipped) override;
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override;
  void gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) override;
  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& dX) override;
  void weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       std::span<float> dW) override;
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override;
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override;
  void update(std::span<Parameter* const> parameters) override;
  void end_step() override;

 private:
  void round_input_gradient(int layer, Tensor& gradient);

  Quantiser& quantiser_;
  std::vector<Node> nodes_;
  StepHook none_;
  StepHook* hook_ = &none_;
  bool training_ = false;
};

}  // namespace trainer
