#include "network/layers/batchnorm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "kernels/batchnorm/decoupled.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {
namespace {

const BatchNormOptions& checked(const BatchNormOptions& options) {
  if (options.channels < 1 || !(options.epsilon > 0) || !(options.momentum >= 0 && options.momentum <= 1)) {
    throw UsageError(
        fmt::format("batch normalisation of {} channels, epsilon {}, momentum {}: channels must be at "
                    "least 1, epsilon above 0 and momentum in 0..1",
                    options.channels, options.epsilon, options.momentum));
  }
  return options;
}

}  // namespace

BatchNorm::BatchNorm(const BatchNormOptions& options)
    : options_(checked(options)),
      gamma_(make_parameter("weight", {options.channels}, false)),
      beta_(make_parameter("bias", {options.channels}, false)),
      running_mean_{"running_mean", AlignedVector<float>(static_cast<size_t>(options.channels), 0.0F)},
      running_variance_{"running_var", AlignedVector<float>(static_cast<size_t>(options.channels), 1.0F)},
      mean_(static_cast<size_t>(options.channels)),
      variance_(static_cast<size_t>(options.channels)),
      sums_(static_cast<size_t>(options.channels)),
      scale_(static_cast<size_t>(options.channels)) {
  std::fill(gamma_.value.begin(), gamma_.value.end(), 1.0F);
}

Shape BatchNorm::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  if (inputs[0].c != options_.channels) {
    throw UsageError(fmt::format("batch normalisation of {} channels, but its input is {}", options_.channels,
                                 to_string(inputs[0])));
  }
  return inputs[0];
}

void BatchNorm::plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) {
  description_ = {index, name, inputs[0]};
  kernel_ = make_batchnorm(operation_path(path), inputs[0], options_.epsilon);
  rectified_ = operation_path(path) == KernelPath::highway
                   ? std::make_unique<RectifiedBatchNorm>(inputs[0], options_.epsilon)
                   : nullptr;
  unused_dinput_ = Tensor();
}

void BatchNorm::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) {
  const Tensor& Z = *inputs[0];
  if (training) {
    require_variance(Z.shape());
    if (std::exchange(sums_taken_, false)) {
      take_moments(Z, running_mean_.value, sums_, moments());
      kernel_->normalise(Z, gamma_.value, beta_.value, mean_, variance_, output);
    } else {
      kernel_->feedforward(Z, gamma_.value, beta_.value, running_mean_.value, moments(), output);
    }
    update_running_statistics();
  } else {
    kernel_->normalise(Z, gamma_.value, beta_.value, running_mean_.value, running_variance_.value, output);
  }
  set_output_map(false, {}, training);
  if (hook != nullptr) {
    hook->batchnorm_feedforward(description_, Z);
  }
}

void BatchNorm::feedforward_rectified(const Tensor& Z, const Tensor* shortcut, Ceiling ceiling, bool training,
                                      Tensor& A, StepHook* hook) {
  if (training) {
    require_variance(Z.shape());
    if (std::exchange(sums_taken_, false)) {
      take_moments(Z, running_mean_.value, sums_, moments());
      rectified_->normalise(Z, gamma_.value, beta_.value, mean_, variance_, shortcut, ceiling, A);
    } else {
      rectified_->feedforward(Z, gamma_.value, beta_.value, running_mean_.value, moments(), shortcut, ceiling, A);
    }
    update_running_statistics();
  } else {
    rectified_->normalise(Z, gamma_.value, beta_.value, running_mean_.value, running_variance_.value, shortcut, ceiling,
                          A);
  }
  set_output_map(true, ceiling, training);
  if (hook != nullptr) {
    hook->batchnorm_feedforward(description_, Z);
  }
}

void BatchNorm::feedforward_on_load(const Tensor& Z, bool rectify, Ceiling ceiling, bool training, StepHook* hook) {
  if (training) {
    require_variance(Z.shape());
    if (std::exchange(sums_taken_, false)) {
      take_moments(Z, running_mean_.value, sums_, moments());
    } else {
      take_moments(Z, running_mean_.value, moments());
    }
    update_running_statistics();
  }
  set_output_map(rectify, ceiling, training);
  if (hook != nullptr) {
    hook->batchnorm_feedforward(description_, Z);
  }
}

void BatchNorm::set_output_map(bool rectify, Ceiling ceiling, bool training) {
  take_scales(gamma_.value, training ? variance_ : running_variance_.value, options_.epsilon, scale_);
  output_map_ = {training ? mean_ : running_mean_.value, scale_, beta_.value, rectify,
                 ceiling.value_or(batchnorm::kNotCut)};
}

void BatchNorm::require_variance(const Shape& shape) const {
  if (shape.channel_size() < 2) {
    throw UsageError(
        fmt::format("layer {}: batch normalisation cannot train on {}, one value per channel: use a "
                    "larger batch or image",
                    description_.name, to_string(shape)));
  }
}

void BatchNorm::update_running_statistics() {
  const auto count = static_cast<float>(description_.shape.channel_size());
  const float unbiased = count / (count - 1);
  for (size_t c = 0; c < mean_.size(); ++c) {
    float& mean = running_mean_.value[c];
    float& variance = running_variance_.value[c];
    mean = (1 - options_.momentum) * mean + options_.momentum * mean_[c];
    variance = (1 - options_.momentum) * variance + options_.momentum * (variance_[c] * unbiased);
  }
}

void BatchNorm::backpropagate(const BackwardView& view, StepHook* hook) {
  const Tensor& Z = *view.inputs[0];
  Tensor* dZ = view.dinputs[0];
  kernel_->backpropagate(view.doutput, Z, gamma_.value, mean_, variance_,
                         dZ != nullptr ? *dZ : unused_dinput(Z.format()), gamma_.gradient, beta_.gradient);
  if (hook != nullptr && dZ != nullptr) {
    hook->batchnorm_backpropagation(description_, Z, *dZ);
  }
}

void BatchNorm::backpropagate_rectified(Tensor& dA, const Tensor& A, const Tensor& Z, Ceiling ceiling, bool mask_from_A,
                                        Tensor* dZ, StepHook* hook) {
  Tensor& target = dZ != nullptr ? *dZ : unused_dinput(Z.format());
  if (mask_from_A) {
    rectified_->backpropagate_with_shortcut(dA, A, Z, gamma_.value, mean_, variance_, ceiling, target, gamma_.gradient,
                                            beta_.gradient);
  } else {
    rectified_->backpropagate(dA, Z, gamma_.value, beta_.value, mean_, variance_, ceiling, target, gamma_.gradient,
                              beta_.gradient);
  }
  if (hook != nullptr && dZ != nullptr) {
    hook->batchnorm_backpropagation(description_, Z, *dZ);
  }
}

Tensor& BatchNorm::unused_dinput(Format format) {
  if (unused_dinput_.empty() || unused_dinput_.format() != format || unused_dinput_.shape() != description_.shape) {
    unused_dinput_ = Tensor(description_.shape, format);
  }
  return unused_dinput_;
}

}  // namespace trainer::layers
