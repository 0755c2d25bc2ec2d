#pragma once

#include <vector>

#include "network/layer.h"

namespace trainer {

/// Runs layers that know FP32 alone on tensors of any format, by way of FP32 copies; what they leave is rounded once.
class FormatAdapter {
 public:
  void feedforward(Layer& layer, std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook);
  void weight_gradient(Layer& layer, std::span<const Tensor* const> inputs, Tensor& doutput, StepHook* hook);
  void backpropagate(Layer& layer, const BackwardView& view, StepHook* hook);

 private:
  /// `tensor` itself where it is FP32; else memory for its values, which copy() also fills.
  Tensor place(const Tensor& tensor);
  Tensor copy(const Tensor& tensor);
  std::vector<Tensor> copies(std::span<const Tensor* const> tensors);

  std::vector<AlignedVector<float>> memory_;
  size_t used_ = 0;  // of them, in the present call
};

}  // namespace trainer
