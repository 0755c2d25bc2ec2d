#pragma once

#include "network/layer.h"
#include "network/layers/contraction.h"

namespace trainer::layers {

struct ConvolutionOptions {
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t kernel_h = 3;
  int64_t kernel_w = 3;
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
  int64_t groups = 1;
  bool bias = false;
};

/// Z = X * W (+ bias): N x C x H x W to N x K x P x Q. Parameters: weight {K, C/groups, R, S}, bias {K}.
class Convolution : public Layer {
 public:
  /// Throws UsageError for options that no convolution has (groups that do not divide the channels, a stride of 0).
  explicit Convolution(const ConvolutionOptions& options);

  const ConvolutionOptions& options() const { return options_; }
  const Parameter& weight() const { return contraction_.weight(); }
  /// Null without a bias.
  const Parameter* bias() const { return contraction_.bias(); }

  std::string_view kind() const override { return "convolution"; }
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
  ConvolutionGeometry geometry(const Shape& input) const;

  ConvolutionOptions options_;
  Contraction contraction_;
};

}  // namespace trainer::layers
