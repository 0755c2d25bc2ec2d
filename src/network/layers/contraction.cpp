#include "network/layers/contraction.h"

#include <fmt/format.h>

#include <cassert>
#include <stdexcept>
#include <utility>

#include "network/layers/bias.h"

namespace trainer::layers {

Contraction::Contraction(std::vector<int64_t> weight_extents, bool has_bias) {
  const int64_t outputs = weight_extents.front();
  weight_ = make_parameter("weight", std::move(weight_extents), true);
  if (has_bias) {
    bias_ = make_parameter("bias", {outputs}, false);
  }
}

void Contraction::plan(int index, const std::string& name, bool is_linear, const ConvolutionGeometry& geometry,
                       KernelPath path) {
  description_.index = index;
  description_.name = name;
  description_.is_linear = is_linear;
  description_.geometry = geometry;
  description_.smallest_normals = {};
  if (precision_.kind == Precision::Kind::fp16) {
    use_input_format({kBinary16, 0});
  }
  kernel_ = ContractionKernel(path, precision_.storage(), geometry, workspace_);
  estimating_.reset();
  kernel_.for_phase(ConvolutionPhase::feedforward, *weight_.pattern);
}

void Contraction::round_weight() {
  if (precision_.kind != Precision::Kind::fp32) {
    rounded_.resize(weight_.value.size());
    description_.smallest_normals.W = precision_.round_weights(weight_.value, rounded_).smallest_normal();
  }
}

bool Contraction::maps_input(ConvolutionPhase phase) {
  if (phase == ConvolutionPhase::weight_gradient && dense_gradient_requested_) {
    return false;  // that goes another way, rarely
  }
  return kernel_.for_phase(phase, *weight_.pattern).decoupled() != nullptr;
}

bool Contraction::feedforward(const Tensor& X, Tensor& Z, StepHook* hook, const OutputSums* sums, const InputMap* map) {
  assert(map == nullptr || (hook == nullptr && maps_input(ConvolutionPhase::feedforward)));
  round_weight();
  trainer::Convolution& kernel = kernel_.for_phase(ConvolutionPhase::feedforward, *weight_.pattern);
  DecoupledConvolution* const decoupled = sums == nullptr && map == nullptr ? nullptr : kernel.decoupled();
  Tensor* const Zhat = hook == nullptr ? nullptr : hook->estimate(description_);
  if (Zhat != nullptr) {
    feedforward_with_estimate(X, Z, *Zhat);
  } else if (decoupled != nullptr) {
    decoupled->feedforward(X, map, view(), Z, sums);
  } else {
    kernel.feedforward(X, view(), Z);
  }
  if (hook != nullptr) {
    hook->feedforward(description_, X, view(), Z);
  }
  if (bias_) {
    add_bias(bias_->value, Z);
  }
  return Zhat == nullptr && decoupled != nullptr && sums != nullptr;
}

void Contraction::feedforward_with_estimate(const Tensor& X, Tensor& Z, Tensor& Zhat) {
  trainer::Convolution& kernel = kernel_.for_phase(ConvolutionPhase::feedforward, *weight_.pattern);
  if (EstimatingConvolution* const both = kernel.estimating(); both != nullptr) {
    estimating_.reset();
    both->feedforward_with_estimate(X, view(), description_.smallest_normals, Z, Zhat);
    return;
  }
  if (estimating_ == nullptr) {
    estimating_ = make_estimating_convolution(description_.geometry, workspace_);
  }
  kernel.feedforward(X, view(), Z);
  estimating_->estimate(X, view(), description_.smallest_normals, Zhat);
}

void Contraction::weight_gradient(const Tensor& X, Tensor& dZ, StepHook* hook, const InputMap* map) {
  assert(map == nullptr || (hook == nullptr && maps_input(ConvolutionPhase::weight_gradient)));
  if (hook != nullptr) {
    hook->gradient(description_, X, view(), dZ);
  }
  weight_.gradient.resize(static_cast<size_t>(weight_.pattern->nonzeros()));
  dense_gradient_kept_ = std::exchange(dense_gradient_requested_, false);
  if (dense_gradient_kept_ && !weight_.pattern->is_full()) {
    dense_weight_gradient(X, dZ);
  } else {
    dense_gradient_ = {};
    trainer::Convolution& kernel = kernel_.for_phase(ConvolutionPhase::weight_gradient, *weight_.pattern);
    if (map != nullptr) {
      kernel.decoupled()->weight_gradient(dZ, X, *map, weight_.pattern, weight_.gradient);
    } else {
      kernel.weight_gradient(dZ, X, weight_.pattern, weight_.gradient);
    }
  }
  if (bias_) {
    bias_gradient(dZ, bias_->gradient);
  }
  if (hook != nullptr) {
    hook->weight_gradient(description_, X, view(), dZ, weight_.gradient);
  }
}

void Contraction::dense_weight_gradient(const Tensor& X, const Tensor& dZ) {
  // A kernel of its own, for this step only: the steps between go on with what they derived from the sparse pattern.
  const auto full = Pattern::full(weight_.pattern->rows(), weight_.pattern->columns());
  const auto kernel =
      make_convolution(kernel_.path_of(ConvolutionPhase::weight_gradient, *full), description_.geometry, workspace_);
  dense_gradient_.resize(static_cast<size_t>(full->size()));
  kernel->weight_gradient(dZ, X, full, dense_gradient_);
  gather(*weight_.pattern, dense_gradient_, weight_.gradient);
}

void Contraction::backpropagate(const Tensor& X, const Tensor& dZ, Tensor& dX, bool accumulate, StepHook* hook) {
  kernel_.for_phase(ConvolutionPhase::backpropagation, *weight_.pattern).backpropagate(dZ, view(), dX, accumulate);
  if (hook != nullptr) {
    hook->backpropagation(description_, X, view(), dZ, dX);
  }
}

std::span<const float> Contraction::dense_gradient() const {
  if (!dense_gradient_kept_) {
    throw std::logic_error(fmt::format("the last step kept no dense gradient of {}: request it first", weight_.name));
  }
  return dense_gradient_.empty() ? weight_.gradient : dense_gradient_;
}

std::vector<Parameter*> Contraction::parameters() {
  std::vector<Parameter*> all = {&weight_};
  if (bias_) {
    all.push_back(&*bias_);
  }
  return all;
}

}  // namespace trainer::layers
