#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "network/layers/option_a_shortcut.h"
#include "network/onnx/import_operators.h"
#include "network/onnx/layer_names.h"
#include "network/onnx/problem.h"

namespace trainer::onnx_format {
namespace importers {
namespace {

/// The same values with other dims: nothing moves as long as the batch stays what it is.
Value seen_as(Activation input, std::vector<int64_t> dims) {
  if (dims.empty() || dims[0] != input.shape.n) {
    throw NodeProblem(fmt::format("from {} to {}: images of a batch would be mixed", fmt::join(input.dims, "x"),
                                  fmt::join(dims, "x")));
  }
  input.dims = std::move(dims);
  return input;
}

/// Activations with an open Slice go on open: Pad closes them.
Activation open_images(NodeView& node) {
  if (node.is_constant(0) || !node.has(0)) {
    throw NodeProblem("its input is not made from the images");
  }
  const auto& input = std::get<Activation>(node.graph().value(node.node().input(0)));
  return input.product != nullptr ? node.images(0) : input;
}

int64_t sliced(int64_t extent, int64_t step) { return (extent + step - 1) / step; }

void require_images(const Activation& input) {
  const Shape& s = input.shape;
  const std::vector<int64_t> expected = {s.n, s.c, sliced(s.h, input.row_step), sliced(s.w, input.column_step)};
  if (input.dims != expected) {
    throw NodeProblem(fmt::format("its input is {}, not N x C x H x W", fmt::join(input.dims, "x")));
  }
}

}  // namespace

Value flatten(NodeView& node) {
  const int64_t axis = node.attributes.integer("axis", 1);
  node.attributes.require_all_understood();
  const Activation input = node.activation(0);
  return input.known ? seen_as(input, flattened(input.dims, axis)) : input;
}

Value reshape(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  const bool allow_zero = node.attributes.integer("allowzero", 0) != 0;
  node.attributes.ignore({"consumed_inputs"});
  const std::vector<int64_t> target = axes_of(FoldInputs(inputs), 1, node.attributes, "shape");
  node.attributes.require_all_understood();
  if (node.has(1) && !node.is_constant(1)) {
    node.constant(1, "shape");
  }
  const Activation input = node.activation(0);
  return input.known ? seen_as(input, reshaped(input.dims, target, allow_zero)) : input;
}

Value squeeze(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  const std::vector<int64_t> axes = axes_of(FoldInputs(inputs), 1, node.attributes, "axes");
  node.attributes.require_all_understood();
  const Activation input = node.activation(0);
  return input.known ? seen_as(input, squeezed(input.dims, axes)) : input;
}

Value unsqueeze(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  const std::vector<int64_t> axes = axes_of(FoldInputs(inputs), 1, node.attributes, "axes");
  node.attributes.require_all_understood();
  const Activation input = node.activation(0);
  return input.known ? seen_as(input, unsqueezed(input.dims, axes)) : input;
}

Value shape(NodeView& node) {
  const int64_t start = node.attributes.integer("start", 0);
  const int64_t end = node.attributes.integer("end", std::numeric_limits<int64_t>::max());
  node.attributes.require_all_understood();
  const Activation input = node.activation(0);
  if (!input.known) {
    return input;
  }
  const auto rank = static_cast<int64_t>(input.dims.size());
  const auto place = [&](int64_t axis) {
    return static_cast<std::ptrdiff_t>(std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank));
  };
  const std::ptrdiff_t first = place(start);
  const std::ptrdiff_t last = std::max(first, place(end));
  return std::make_shared<const Constant>(
      integers(std::vector<int64_t>(input.dims.begin() + first, input.dims.begin() + last)));
}

Value slice(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  for (int i = 1; i < 5; ++i) {
    if (node.has(i)) {
      node.constant(i, "range");
    }
  }
  Activation input = open_images(node);
  if (!input.known) {
    return input;
  }
  const std::vector<int64_t> dims = input.dims;
  const std::vector<SliceRange> ranges = slice_ranges(dims, FoldInputs(inputs), node.attributes);
  node.attributes.require_all_understood();
  for (const SliceRange& range : ranges) {
    const int64_t extent = dims[range.axis];
    if (range.start == 0 && range.count == extent) {
      continue;
    }
    const bool whole =
        range.start == 0 && range.step > 0 && range.step <= kLargestWindow && range.count == sliced(extent, range.step);
    if (!whole || range.axis < 2) {
      throw NodeProblem(fmt::format("takes {} of {} along axis {}: only every n-th row and column has a layer",
                                    range.count, extent, range.axis));
    }
    require_images(input);
    (range.axis == 2 ? input.row_step : input.column_step) *= range.step;
    input.dims[range.axis] = range.count;
    if (std::max(input.row_step, input.column_step) > kLargestWindow) {
      throw NodeProblem("rows and columns too far apart");
    }
  }
  input.slice_name = layer_name(node.node(), {});
  return input;
}

Value pad(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  const std::string mode = node.attributes.text("mode", "constant");
  std::vector<int64_t> pads = axes_of(FoldInputs(inputs), 1, node.attributes, "pads");
  const float value =
      node.has(2) ? static_cast<float>(node.constant(2, "value").scalar()) : node.attributes.number("value", 0);
  node.attributes.require_all_understood();
  if (node.has(1)) {
    node.constant(1, "pads");
  }
  if (node.has(3)) {
    const std::vector<int64_t>& axes = node.constant(3, "axes").integers();
    if (pads.size() != 2 * axes.size()) {
      throw NodeProblem("pads and axes are of different lengths");
    }
    std::vector<int64_t> all(8, 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      const size_t axis = checked_axis(axes[i], 4);
      all[axis] = pads[i];
      all[axis + 4] = pads[i + axes.size()];
    }
    pads = std::move(all);
  }
  Activation input = open_images(node);
  if (std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; })) {
    return input;
  }
  const bool is_zero = mode == "constant" && value == 0;
  if (!is_zero || pads.size() != 8) {
    throw NodeProblem(fmt::format("pads {} in mode {} with {}: only channels of zeros have a layer",
                                  fmt::join(pads, ","), mode, value));
  }
  const int64_t before = pads[1];
  const int64_t after = pads[5];
  pads[1] = pads[5] = 0;
  const bool others = std::any_of(pads.begin(), pads.end(), [](int64_t pad) { return pad != 0; });
  if (others || before < 0 || after < before || after - before > 1 || after > kLargestExtent) {
    throw NodeProblem(fmt::format("pads {} channels before and {} after{}: only channels added evenly have a layer",
                                  before, after, others ? " and other dimensions" : ""));
  }
  if (!input.known) {
    return input;
  }
  require_images(input);
  if (input.row_step != input.column_step) {
    throw NodeProblem(fmt::format("of every {}-th row and {}-th column: the two must be the same", input.row_step,
                                  input.column_step));
  }
  const layers::OptionAOptions options{input.shape.c + before + after, input.row_step};
  input.row_step = input.column_step = 1;
  return node.graph().add(layer_name(node.node(), {}), std::make_unique<layers::OptionAShortcut>(options), {input});
}

}  // namespace importers

Activation close_slice(GraphImporter& graph, Activation open) {
  if (open.row_step != open.column_step) {
    throw NodeProblem(fmt::format("every {}-th row and {}-th column of its input: the two must be the same",
                                  open.row_step, open.column_step));
  }
  const layers::OptionAOptions options{open.shape.c, open.row_step};
  open.row_step = open.column_step = 1;
  return graph.add(open.slice_name, std::make_unique<layers::OptionAShortcut>(options), {open});
}

}  // namespace trainer::onnx_format
