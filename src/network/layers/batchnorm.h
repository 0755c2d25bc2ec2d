#pragma once

#include <memory>
#include <vector>

#include "kernels/batchnorm/batchnorm.h"
#include "kernels/batchnorm/input_map.h"
#include "kernels/batchnorm/rectified.h"
#include "kernels/batchnorm/sums.h"
#include "kernels/convolution/decoupled.h"
#include "network/layer.h"

namespace trainer::layers {

struct BatchNormOptions {
  int64_t channels = 1;
  float epsilon = 1e-5F;
  float momentum = 0.1F;  ///< weight of the new batch in the running statistics, as PyTorch counts it
};

/// Batch normalisation per channel. Parameters: weight (gamma), bias (beta); buffers: running_mean, running_var (the
/// unbiased variance, as PyTorch keeps it).
class BatchNorm : public Layer {
 public:
  /// Throws UsageError for channels below 1, epsilon not above 0 or momentum outside 0..1.
  explicit BatchNorm(const BatchNormOptions& options);

  const BatchNormOptions& options() const { return options_; }
  const Parameter& gamma() const { return gamma_; }
  const Parameter& beta() const { return beta_; }
  const Buffer& running_mean() const { return running_mean_; }
  const Buffer& running_variance() const { return running_variance_; }

  /// What stands around it in the network (network/surroundings.h), for hooks. After plan().
  void set_surroundings(int applied_on_load, bool input_from_contraction, bool contraction_has_bp) {
    description_.applied_on_load = applied_on_load;
    description_.input_from_contraction = input_from_contraction;
    description_.contraction_has_bp = contraction_has_bp;
  }
  /// After plan().
  const BatchNormLayer& description() const { return description_; }

  /// Where the convolution before it may leave its sums of Z, in the step that it is asked for them. On the highway
  /// path.
  OutputSums output_sums() { return {running_mean_.value, sums_}; }
  /// Whether they are there: then the next FF in training takes its moments from them.
  void use_output_sums(bool taken) { sums_taken_ = taken; }

  std::string_view kind() const override { return "batch normalisation"; }
  Shape output_shape(std::span<const Shape> inputs) const override;
  LayerMemory memory() const override { return {.keeps_doutput = true}; }
  LayerFormats formats() const override { return can_rectify() ? LayerFormats::uniform : LayerFormats::fp32; }
  void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) override;
  /// Throws UsageError in training when a channel holds a single value: it has no variance.
  void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) override;
  /// Fills the gradients of gamma and beta too: they come out of the same sums.
  void backpropagate(const BackwardView& view, StepHook* hook) override;
  /// Whether the planned path has the two below, which do an add of a shortcut (null: none) and a ReLU after this
  /// layer, perhaps one with a ceiling, in its own passes. Same bits in FP32 as those layers one by one.
  bool can_rectify() const { return rectified_ != nullptr; }
  /// FF, with a ReLU or without, that leaves it to the reader to make A: from output_map(), which the FFs with no
  /// shortcut give too. Where can_rectify().
  void feedforward_on_load(const Tensor& Z, bool rectify, Ceiling ceiling, bool training, StepHook* hook);
  /// What the last FF made, or would have made, of Z. Valid until the next, or until parameters change.
  const InputMap& output_map() const { return output_map_; }
  void feedforward_rectified(const Tensor& Z, const Tensor* shortcut, Ceiling ceiling, bool training, Tensor& A,
                             StepHook* hook);
  /// Of the last feedforward_rectified(), which left `A`. With `mask_from_A`, which must be where it had a shortcut or
  /// where A was changed since, `dA` becomes dA where A > 0: the shortcut's gradient. `dZ` may be null.
  void backpropagate_rectified(Tensor& dA, const Tensor& A, const Tensor& Z, Ceiling ceiling, bool mask_from_A,
                               Tensor* dZ, StepHook* hook);

  std::vector<Parameter*> parameters() override { return {&gamma_, &beta_}; }
  std::vector<Buffer*> buffers() override { return {&running_mean_, &running_variance_}; }

 private:
  /// Where no gradient of the input is needed, the kernel still writes one.
  Tensor& unused_dinput(Format format);
  void require_variance(const Shape& shape) const;
  void update_running_statistics();
  ChannelMoments moments() { return {mean_, variance_}; }
  void set_output_map(bool rectify, Ceiling ceiling, bool training);

  BatchNormOptions options_;
  Parameter gamma_;
  Parameter beta_;
  Buffer running_mean_;
  Buffer running_variance_;
  BatchNormLayer description_;
  std::unique_ptr<trainer::BatchNorm> kernel_;
  std::unique_ptr<RectifiedBatchNorm> rectified_;  // highway only
  AlignedVector<float> mean_;                      // of the last batch in training
  AlignedVector<float> variance_;
  std::vector<batchnorm::Sums> sums_;  // one per channel
  bool sums_taken_ = false;
  AlignedVector<float> scale_;
  InputMap output_map_;
  Tensor unused_dinput_;
};

}  // namespace trainer::layers
