#include "network/layers/convolution.h"

#include <fmt/format.h>

#include "base/error.h"
#include "network/layers/require_inputs.h"

namespace trainer::layers {
namespace {

const ConvolutionOptions& checked(const ConvolutionOptions& options) {
  const auto& o = options;
  if (o.in_channels < 1 || o.out_channels < 1 || o.kernel_h < 1 || o.kernel_w < 1 || o.stride < 1 || o.padding < 0 ||
      o.dilation < 1 || o.groups < 1) {
    throw UsageError(
        fmt::format("convolution of {} to {} channels, kernel {}x{}, stride {}, padding {}, dilation {}, groups {}: "
                    "padding must be at least 0 and all else at least 1",
                    o.in_channels, o.out_channels, o.kernel_h, o.kernel_w, o.stride, o.padding, o.dilation, o.groups));
  }
  if (o.in_channels % o.groups != 0 || o.out_channels % o.groups != 0) {
    throw UsageError(fmt::format("convolution of {} to {} channels: {} groups must divide both", o.in_channels,
                                 o.out_channels, o.groups));
  }
  return options;
}

std::vector<int64_t> weight_extents(const ConvolutionOptions& o) {
  return {o.out_channels, o.in_channels / o.groups, o.kernel_h, o.kernel_w};
}

}  // namespace

Convolution::Convolution(const ConvolutionOptions& options)
    : options_(checked(options)), contraction_(weight_extents(options), options.bias) {}

ConvolutionGeometry Convolution::geometry(const Shape& input) const {
  return {.n = input.n,
          .c = options_.in_channels,
          .h = input.h,
          .w = input.w,
          .k = options_.out_channels,
          .r = options_.kernel_h,
          .s = options_.kernel_w,
          .stride = options_.stride,
          .padding = options_.padding,
          .dilation = options_.dilation,
          .groups = options_.groups};
}

Shape Convolution::output_shape(std::span<const Shape> inputs) const {
  require_inputs(kind(), inputs, 1);
  const Shape& X = inputs[0];
  if (X.c != options_.in_channels) {
    throw UsageError(fmt::format("convolution weight {} takes {} channels, but its input is {}",
                                 fmt::join(weight().extents, "x"), options_.in_channels, to_string(X)));
  }
  const ConvolutionGeometry shape = geometry(X);
  const int64_t room_h = X.h + 2 * shape.padding - shape.dilation * (shape.r - 1);
  const int64_t room_w = X.w + 2 * shape.padding - shape.dilation * (shape.s - 1);
  if (room_h < 1 || room_w < 1) {
    throw UsageError(fmt::format("a {}x{} kernel (padding {}, dilation {}) does not fit into its input {}", shape.r,
                                 shape.s, shape.padding, shape.dilation, to_string(X)));
  }
  return shape.output();
}

void Convolution::need_input_gradients(std::span<const uint8_t> needed) {
  contraction_.set_input_gradient_needed(needed[0] != 0);
}

void Convolution::plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) {
  contraction_.plan(index, name, false, geometry(inputs[0]), path);
}

void Convolution::feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool /*training*/,
                              StepHook* hook) {
  contraction_.feedforward(*inputs[0], output, hook);
}

void Convolution::weight_gradient(std::span<const Tensor* const> inputs, Tensor& doutput, StepHook* hook) {
  contraction_.weight_gradient(*inputs[0], doutput, hook);
}

void Convolution::backpropagate(const BackwardView& view, StepHook* hook) {
  if (Tensor* dX = view.dinputs[0]; dX != nullptr) {
    contraction_.backpropagate(*view.inputs[0], view.doutput, *dX, view.accumulate[0] != 0, hook);
  }
}

}  // namespace trainer::layers
