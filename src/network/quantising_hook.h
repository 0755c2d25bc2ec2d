#pragma once

#include <vector>

#include "network/forwarding_hook.h"
#include "network/quantiser.h"

namespace trainer {

/// Rounds what contractions and BNs make before another hook, if there is one, sees it: so hooks of an FP8 network see
/// the values that training goes on with.
class QuantisingHook final : public ForwardingHook {
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

  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override;
  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& dX) override;
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override;

 private:
  void round_input_gradient(int layer, Tensor& gradient);

  Quantiser& quantiser_;
  std::vector<Node> nodes_;
  bool training_ = false;
};

}  // namespace trainer
