#include "network/layers/pooling.h"

#include <fmt/format.h>

#include "base/error.h"
#include "network/layers/kernel_choice.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {
namespace {

const PoolingOptions& checked(const PoolingOptions& o) {
  if (!o.global && (o.window_h < 1 || o.window_w < 1 || o.stride < 1 || o.padding < 0 || 2 * o.padding > o.window_h ||
                    2 * o.padding > o.window_w)) {
    throw UsageError(
        fmt::format("pooling window {}x{}, stride {}, padding {}: window and stride must be at least 1 and "
                    "padding 0 to half the window",
                    o.window_h, o.window_w, o.stride, o.padding));
  }
  return o;
}

}  // namespace

Pooling::Pooling(const PoolingOptions& options) : options_(checked(options)) {}

std::string_view Pooling::kind() const {
  const bool maximum = options_.kind == PoolingKind::maximum;
  if (options_.global) {
    return maximum ? "global maximum pooling" : "global average pooling";
  }
  return maximum ? "maximum pooling" : "average pooling";
}

PoolingGeometry Pooling::geometry(const Shape& input) const {
  if (options_.global) {
    return {options_.kind, input, input.h, input.w, 1, 0};
  }
  return {options_.kind, input, options_.window_h, options_.window_w, options_.stride, options_.padding};
}

Shape Pooling::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  const PoolingGeometry shape = geometry(inputs[0]);
  if (shape.window_h > inputs[0].h + 2 * shape.padding || shape.window_w > inputs[0].w + 2 * shape.padding) {
    throw UsageError(fmt::format("a {}x{} pooling window (padding {}) does not fit into its input {}", shape.window_h,
                                 shape.window_w, shape.padding, to_string(inputs[0])));
  }
  return shape.output();
}

void Pooling::plan(int /*index*/, const std::string& /*name*/, std::span<const Shape> inputs, KernelPath path) {
  kernel_ = make_pooling(operation_path(path), geometry(inputs[0]));
}

void Pooling::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/,
                          StepHook* /*hook*/) {
  kernel_->feedforward(*inputs[0], output);
}

void Pooling::backpropagate(const BackwardView& view, StepHook* /*hook*/) {
  if (Tensor* dX = view.dinputs[0]; dX != nullptr) {
    kernel_->backpropagate(view.doutput, *dX);
  }
}

}  // namespace trainer::layers
