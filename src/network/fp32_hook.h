#pragma once

#include "network/forwarding_hook.h"

namespace trainer {

/// Shows another hook FP32 copies of tensors that are stored in another format, and stores what it leaves in those it
/// may change.
class Fp32Hook final : public ForwardingHook {
 public:
  void rectification(const ContractionLayer& layer, const Rectification& after) override;
  void rectified(const ContractionLayer& layer, Tensor& A) override;
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override;
  void gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) override;
  void backpropagation(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       Tensor& dX) override;
  void weight_gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, const Tensor& dZ,
                       std::span<float> dW) override;
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override;
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override;

 private:
  /// A tensor that hooks may read, or read and change.
  class Shown;

  AlignedVector<float> memory_[3];
  AlignedVector<float> shortcut_memory_;  // what rectification() shows lasts until feedforward() returns
  Tensor shortcut_;
};

}  // namespace trainer
