#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "network/layers/pooling.h"
#include "network/onnx/import_operators.h"
#include "network/onnx/layer_names.h"
#include "network/onnx/problem.h"
#include "network/onnx/window.h"

namespace trainer::onnx_format::importers {
namespace {

Value add_pooling(NodeView& node, const Activation& input, const layers::PoolingOptions& options) {
  node.attributes.require_all_understood();
  return node.graph().add(layer_name(node.node(), {}), std::make_unique<layers::Pooling>(options), {input});
}

Value window_pool(NodeView& node, PoolingKind kind) {
  const Activation input = node.images(0);
  const Window window = read_window(node, input, std::nullopt);
  if (window.dilation != 1) {
    throw NodeProblem(fmt::format("dilation {}", window.dilation));
  }
  if (kind == PoolingKind::average && window.padding > 0 && node.attributes.integer("count_include_pad", 0) == 0) {
    throw NodeProblem("an average that leaves out the padding (count_include_pad 0)");
  }
  node.attributes.ignore({"count_include_pad", "storage_order"});  // without padding, without indices
  layers::PoolingOptions options;
  options.kind = kind;
  options.window_h = window.h;
  options.window_w = window.w;
  options.stride = window.stride;
  options.padding = window.padding;
  return add_pooling(node, input, options);
}

Value global_pool(NodeView& node, PoolingKind kind) {
  layers::PoolingOptions options;
  options.kind = kind;
  options.global = true;
  return add_pooling(node, node.images(0), options);
}

}  // namespace

Value max_pool(NodeView& node) { return window_pool(node, PoolingKind::maximum); }
Value average_pool(NodeView& node) { return window_pool(node, PoolingKind::average); }
Value global_average_pool(NodeView& node) { return global_pool(node, PoolingKind::average); }
Value global_max_pool(NodeView& node) { return global_pool(node, PoolingKind::maximum); }

Value reduce_mean(NodeView& node) {
  const std::vector<const Constant*> inputs = node.constants();
  std::vector<int64_t> axes = axes_of(FoldInputs(inputs), 1, node.attributes, "axes");
  const bool keep = node.attributes.integer("keepdims", 1) != 0;
  node.attributes.ignore({"noop_with_empty_axes"});  // without axes it is no pooling whatever this says
  for (int64_t& axis : axes) {
    axis = axis < 0 && axis >= -4 ? axis + 4 : axis;
  }
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int64_t>{2, 3}) {
    throw NodeProblem(fmt::format("a mean over axes {}: only rows and columns (2,3) can be averaged",
                                  axes.empty() ? std::string("not given") : fmt::format("{}", fmt::join(axes, ","))));
  }
  Value result = global_pool(node, PoolingKind::average);
  auto& activation = std::get<Activation>(result);
  if (!keep && activation.known) {
    activation.dims = {activation.shape.n, activation.shape.c};
  }
  return result;
}

}  // namespace trainer::onnx_format::importers
