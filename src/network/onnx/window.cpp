#include "network/onnx/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "network/onnx/problem.h"

namespace trainer::onnx_format {
namespace {

std::array<int64_t, 2> pair_of(NodeView& node, const char* name, std::array<int64_t, 2> otherwise) {
  const auto values = node.attributes.integers(name);
  if (!values) {
    return otherwise;
  }
  if (values->size() != 2) {
    throw NodeProblem(fmt::format("{} {}: only images (two dimensions) are supported", name, fmt::join(*values, ",")));
  }
  for (const int64_t value : *values) {
    if (value < 1 || value > kLargestWindow) {
      throw NodeProblem(fmt::format("{} is {}", name, value));
    }
  }
  return {(*values)[0], (*values)[1]};
}

int64_t one_of(NodeView& node, const char* name) {
  const std::array<int64_t, 2> values = pair_of(node, name, {1, 1});
  if (values[0] != values[1]) {
    throw NodeProblem(fmt::format("{} {} and {} differ", name, values[0], values[1]));
  }
  return values[0];
}

/// Padding of auto_pad SAME_UPPER and SAME_LOWER, which is such that the output has input/stride rows, rounded up.
int64_t same_padding(int64_t extent, int64_t kernel, const Window& window) {
  const int64_t output = (extent + window.stride - 1) / window.stride;
  const int64_t total =
      std::max<int64_t>((output - 1) * window.stride + window.dilation * (kernel - 1) + 1 - extent, 0);
  if (total % 2 != 0) {
    throw NodeProblem(fmt::format("auto_pad pads {} rows or columns unevenly", total));
  }
  return total / 2;
}

int64_t even_padding(std::span<const int64_t> pads) {
  if (std::any_of(pads.begin(), pads.end(), [&](int64_t pad) { return pad != pads[0]; })) {
    throw NodeProblem(fmt::format("pads {} are not the same on all sides", fmt::join(pads, ",")));
  }
  if (pads[0] < 0 || pads[0] > kLargestWindow) {
    throw NodeProblem(fmt::format("padding is {}", pads[0]));
  }
  return pads[0];
}

void read_padding(NodeView& node, const Activation& input, Window& window) {
  const std::string automatic = node.attributes.text("auto_pad", "NOTSET");
  const auto pads = node.attributes.integers("pads").value_or(std::vector<int64_t>(4, 0));
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    if (input.known) {
      const std::array<int64_t, 2> same = {same_padding(input.shape.h, window.h, window),
                                           same_padding(input.shape.w, window.w, window)};
      window.padding = even_padding(same);
    }
  } else if (automatic == "NOTSET" || automatic.empty()) {
    if (pads.size() != 4) {
      throw NodeProblem(fmt::format("{} pads: only images (two dimensions) are supported", pads.size()));
    }
    window.padding = even_padding(pads);
  } else if (automatic != "VALID") {
    throw NodeProblem(fmt::format("auto_pad {}", automatic));
  }
}

/// ceil_mode is fine where it changes nothing: where the windows end at the border.
void check_ceil_mode(NodeView& node, const Activation& input, const Window& window) {
  if (node.attributes.integer("ceil_mode", 0) == 0 || !input.known) {
    return;
  }
  const auto rest = [&](int64_t extent, int64_t kernel) {
    return (extent + 2 * window.padding - window.dilation * (kernel - 1) - 1) % window.stride;
  };
  if (rest(input.shape.h, window.h) != 0 || rest(input.shape.w, window.w) != 0) {
    throw NodeProblem("ceil_mode 1: the last windows reach beyond the border");
  }
}

}  // namespace

Window read_window(NodeView& node, const Activation& input, std::optional<std::pair<int64_t, int64_t>> kernel) {
  if (!kernel && !node.attributes.has("kernel_shape")) {
    throw NodeProblem("kernel_shape is missing");
  }
  const std::array<int64_t, 2> given = kernel ? std::array{kernel->first, kernel->second} : std::array<int64_t, 2>{};
  const std::array<int64_t, 2> shape = pair_of(node, "kernel_shape", given);
  if (kernel && shape != given) {
    throw NodeProblem(fmt::format("kernel_shape {}x{} but a weight of {}x{}", shape[0], shape[1], given[0], given[1]));
  }
  if (*std::max_element(shape.begin(), shape.end()) > kLargestWindow) {
    throw NodeProblem(fmt::format("a kernel of {}x{}", shape[0], shape[1]));
  }
  Window window;
  window.h = shape[0];
  window.w = shape[1];
  window.stride = one_of(node, "strides");
  window.dilation = one_of(node, "dilations");
  read_padding(node, input, window);
  check_ceil_mode(node, input, window);
  return window;
}

}  // namespace trainer::onnx_format
