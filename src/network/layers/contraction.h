#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kernels/convolution/decoupled.h"
#include "network/layer.h"
#include "network/layers/kernel_choice.h"
#include "network/parameter.h"
#include "network/precision.h"
#include "network/step_hook.h"

namespace trainer::layers {

/// What convolution and linear layers are made of: a weight, an optional bias, the kernel, and the hook's calls.
class Contraction {
 public:
  Contraction(std::vector<int64_t> weight_extents, bool has_bias);

  void use_workspace(const std::shared_ptr<Workspace>& workspace) { workspace_ = workspace; }
  /// A bias is added to what would have been rounded already.
  LayerFormats formats() const { return bias_ ? LayerFormats::fp32 : LayerFormats::mixed; }
  void set_input_gradient_needed(bool needed) { description_.has_bp = needed; }
  /// What stands around it in the network (network/surroundings.h), for hooks.
  void set_surroundings(bool input_is_rectified, bool input_from_batchnorm, bool output_to_batchnorm) {
    description_.input_is_rectified = input_is_rectified;
    description_.input_from_batchnorm = input_from_batchnorm;
    description_.output_to_batchnorm = output_to_batchnorm;
  }
  void plan(int index, const std::string& name, bool is_linear, const ConvolutionGeometry& geometry, KernelPath path);

  /// Before plan(). From the next FF on, weights are rounded to this before anything is multiplied with them; hooks see
  /// them so too.
  void use_precision(const Precision& precision) { precision_ = precision; }
  /// What X has values of, for hooks; unless said, that of its tensors.
  void use_input_format(const ScaledFormat& format) { description_.smallest_normals.X = format.smallest_normal(); }
  /// After plan(), under the automatic path: what it compares densities with from now on.
  void set_break_even(const BreakEven& break_even) { kernel_.set_break_even(break_even); }
  const ContractionLayer& description() const { return description_; }
  const std::optional<BreakEven>& break_even() const { return kernel_.break_even(); }
  /// The path that a phase takes with the present mask.
  KernelPath path_of(ConvolutionPhase phase) const { return kernel_.path_of(phase, *weight_.pattern); }
  /// False for BP where no gradient of X is needed.
  bool has(ConvolutionPhase phase) const { return phase != ConvolutionPhase::backpropagation || description_.has_bp; }

  /// Whether FF or WG, with the present mask, can map X as it reads it.
  bool maps_input(ConvolutionPhase phase);

  /// Z = X * W, the hook, then the bias. Returns whether the path took `sums` of Z = X * W (null: none wanted).
  /// `map`, where X is to be mapped, needs maps_input() and no hook, which would see X as it is.
  bool feedforward(const Tensor& X, Tensor& Z, StepHook* hook, const OutputSums* sums = nullptr,
                   const InputMap* map = nullptr);
  /// The hook sees dZ before anything uses it. Fills the gradients of weight and bias. `map` as above.
  void weight_gradient(const Tensor& X, Tensor& dZ, StepHook* hook, const InputMap* map = nullptr);
  /// dX from the dZ that weight_gradient left.
  void backpropagate(const Tensor& X, const Tensor& dZ, Tensor& dX, bool accumulate, StepHook* hook);

  /// Another pattern is coming: frees what kernels derived from this one.
  void release_pattern() {
    kernel_.release_pattern();
    estimating_.reset();
  }

  void request_dense_gradient() { dense_gradient_requested_ = true; }
  /// Throws std::logic_error unless the last weight_gradient() was asked to keep it.
  std::span<const float> dense_gradient() const;

  std::vector<Parameter*> parameters();
  const Parameter& weight() const { return weight_; }
  /// Null without a bias.
  const Parameter* bias() const { return bias_ ? &*bias_ : nullptr; }

 private:
  void round_weight();
  /// What FF and BP multiply with.
  WeightView view() const {
    return {weight_.pattern, precision_.kind == Precision::Kind::fp32 ? weight_.value : rounded_};
  }
  void feedforward_with_estimate(const Tensor& X, Tensor& Z, Tensor& Zhat);
  void dense_weight_gradient(const Tensor& X, const Tensor& dZ);

  Parameter weight_;
  std::optional<Parameter> bias_;
  Precision precision_;
  AlignedVector<float> rounded_;  // the weight's values as of the last FF; not in FP32
  ContractionLayer description_;
  std::shared_ptr<Workspace> workspace_ = std::make_shared<Workspace>();
  ContractionKernel kernel_;
  std::unique_ptr<EstimatingConvolution> estimating_;  // where FF's own kernel does not estimate
  bool dense_gradient_requested_ = false;
  bool dense_gradient_kept_ = false;
  AlignedVector<float> dense_gradient_;  // empty while the weight has a full pattern: then it is the gradient itself
};

}  // namespace trainer::layers
