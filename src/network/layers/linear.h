#pragma once

#include "network/layer.h"
#include "network/layers/contraction.h"

namespace trainer::layers {

struct LinearOptions {
  int64_t in_features = 1;
  int64_t out_features = 1;
  bool bias = true;
};

/// Fully connected: N x C x H x W, flattened to C*H*W features (which moves nothing), to N x K x 1 x 1. It is a 1x1
/// convolution of a 1x1 image. Parameters: weight {K, C*H*W}, bias {K}.
class Linear : public Layer {
 public:
  /// Throws UsageError for a number of features below 1.
  explicit Linear(const LinearOptions& options);

  const LinearOptions& options() const { return options_; }
  const Parameter& weight() const { return contraction_.weight(); }
  /// Null without a bias.
  const Parameter* bias() const { return contraction_.bias(); }

  std::string_view kind() const override { return "linear"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.accumulates = true}; }
  void need_input_gradients(std::span<const uint8_t> needed) override;
  void use_workspace(const std::shared_ptr<Workspace>& workspace) override { contraction_.use_workspace(workspace); }
  LayerFormats formats() const override { return contraction_.formats(); }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void weight_gradient(std::span<const Tensor* const> inputs, Tensor& doutput, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;
  std::vector<Parameter*> parameters() override { return contraction_.parameters(); }
  Contraction* contraction() override { return &contraction_; }
  void request_dense_gradient() override { contraction_.request_dense_gradient(); }
  std::span<const float> dense_gradient() const override { return contraction_.dense_gradient(); }

 private:
  Tensor flattened(const Tensor& X) const;

  LinearOptions options_;
  Contraction contraction_;
};

}  // namespace trainer::layers
