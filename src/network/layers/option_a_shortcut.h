#pragma once

#include "network/layer.h"

namespace trainer::layers {

struct OptionAOptions {
  int64_t out_channels = 1;
  int64_t stride = 2;
};

/// The shortcut without parameters of the CIFAR ResNets (He et al. 2016, option A): every `stride`-th row and column,
/// and channels of zeros added evenly before and after (the smaller half before).
class OptionAShortcut : public Layer {
 public:
  /// Throws UsageError for a number below 1.
  explicit OptionAShortcut(const OptionAOptions& options);

  const OptionAOptions& options() const { return options_; }

  std::string_view kind() const override { return "option-A shortcut"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.keeps_doutput = true}; }
  NewValues new_values() const override { return {.output = false, .dinputs = false}; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  void backpropagate(const BackwardView& view, StepHook* hook) override;

 private:
  OptionAOptions options_;
  int64_t channels_before_ = 0;
};

}  // namespace trainer::layers
