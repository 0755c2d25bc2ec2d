#pragma once

#include <optional>
#include <utility>

#include "network/onnx/import_operators.h"

namespace trainer::onnx_format {

/// The window of a convolution or pooling node, as far as the layers here go: one stride, padding and dilation.
struct Window {
  int64_t h = 1;
  int64_t w = 1;
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
};

/// Reads kernel_shape, strides, pads, dilations, auto_pad and ceil_mode. `kernel` is the weight's, where there is one.
/// Throws NodeProblem for a window that the layers do not have, such as one padded unevenly.
Window read_window(NodeView& node, const Activation& input, std::optional<std::pair<int64_t, int64_t>> kernel);

}  // namespace trainer::onnx_format
