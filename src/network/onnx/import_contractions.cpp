#include <fmt/format.h>

#include <memory>
#include <utility>

#include "network/layers/add.h"
#include "network/layers/convolution.h"
#include "network/layers/linear.h"
#include "network/onnx/import_operators.h"
#include "network/onnx/layer_names.h"
#include "network/onnx/problem.h"
#include "network/onnx/window.h"

namespace trainer::onnx_format::importers {
namespace {

/// The weight of a linear layer, K x C, from an operand that may be C x K.
Constant linear_weight(const Constant& operand, bool is_transposed) {
  if (operand.dims.size() != 2) {
    throw NodeProblem(fmt::format("a weight of {} dimensions, not 2", operand.dims.size()));
  }
  if (operand.size() == 0) {
    throw NodeProblem("an empty weight");
  }
  if (is_transposed) {
    return operand;
  }
  const int64_t c = operand.dims[0];
  const int64_t k = operand.dims[1];
  const std::vector<float>& values = operand.floats();
  std::vector<float> turned(values.size());
  for (int64_t i = 0; i < c; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      turned[static_cast<size_t>(j * c + i)] = values[static_cast<size_t>(i * k + j)];
    }
  }
  return {{k, c}, std::move(turned)};
}

/// The bias of a linear layer with k outputs from an operand that is broadcast to N x k.
Constant linear_bias(const Constant& operand, int64_t k) {
  const bool is_row = operand.dims.size() <= 1 || (operand.dims.size() == 2 && operand.dims[0] == 1);
  if (is_row && operand.size() == k) {
    return operand;
  }
  if (is_row && operand.size() == 1) {
    return {{k}, std::vector<float>(static_cast<size_t>(k), operand.floats().front())};
  }
  throw NodeProblem(fmt::format("a bias of {} for {} outputs", fmt::join(operand.dims, "x"), k));
}

Constant scaled(const Constant& operand, float factor) {
  std::vector<float> values = operand.floats();
  if (factor != 1) {
    for (float& value : values) {
      value *= factor;
    }
  }
  return {operand.dims, std::move(values)};
}

Activation add_linear(GraphImporter& graph, const std::string& name, const Activation& input, const Constant& weight,
                      const Constant* bias) {
  layers::LinearOptions options;
  options.out_features = weight.dims[0];
  options.in_features = weight.dims[1];
  options.bias = bias != nullptr;
  auto layer = std::make_unique<layers::Linear>(options);
  graph.set(*layer->parameters()[0], weight);
  if (bias != nullptr) {
    graph.set(*layer->parameters()[1], *bias);
  }
  Activation result = graph.add(name, std::move(layer), {input});
  if (result.known) {
    result.dims = {result.shape.n, result.shape.c};
  }
  return result;
}

Activation features(NodeView& node) {
  Activation input = node.activation(0);
  if (input.known && (input.dims.size() != 2 || input.dims[0] != input.shape.n)) {
    throw NodeProblem(fmt::format("its input is {}, not N x features", fmt::join(input.dims, "x")));
  }
  return input;
}

/// The input that is an open product, if the other one is a constant that can be its bias.
std::optional<int> product_of_bias(NodeView& node) {
  for (int i = 0; i < 2; ++i) {
    if (!node.has(i) || !node.is_constant(1 - i)) {
      continue;
    }
    const Value& value = node.graph().value(node.node().input(i));
    const auto* activation = std::get_if<Activation>(&value);
    if (activation != nullptr && activation->product != nullptr && node.graph().consumers(node.node().input(i)) == 1) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace

Value conv(NodeView& node) {
  const Constant& weight = node.constant(1, "weight");
  if (weight.dims.size() != 4) {
    throw NodeProblem(
        fmt::format("a weight of {} dimensions: only images (two dimensions) are supported", weight.dims.size()));
  }
  const Activation input = node.images(0);
  const Window window = read_window(node, input, std::pair(weight.dims[2], weight.dims[3]));
  layers::ConvolutionOptions options;
  options.groups = node.attributes.integer("group", 1, 1, kLargestExtent);
  node.attributes.require_all_understood();
  options.in_channels = weight.dims[1] * options.groups;
  options.out_channels = weight.dims[0];
  options.kernel_h = window.h;
  options.kernel_w = window.w;
  options.stride = window.stride;
  options.padding = window.padding;
  options.dilation = window.dilation;
  options.bias = node.has(2);
  auto layer = std::make_unique<layers::Convolution>(options);
  node.graph().set(*layer->parameters()[0], weight);
  if (options.bias) {
    node.graph().set(*layer->parameters()[1], node.constant(2, "bias"));
  }
  return node.graph().add(layer_name(node.node(), {1, 2}), std::move(layer), {input});
}

Value gemm(NodeView& node) {
  const float alpha = node.attributes.number("alpha", 1);
  const float beta = node.attributes.number("beta", 1);
  const bool turned_input = node.attributes.integer("transA", 0) != 0;
  const bool turned_weight = node.attributes.integer("transB", 0) != 0;
  node.attributes.ignore({"broadcast"});
  node.attributes.require_all_understood();
  if (turned_input) {
    throw NodeProblem("transA 1: the batch would become the features");
  }
  const Constant weight = scaled(linear_weight(node.constant(1, "weight"), turned_weight), alpha);
  std::optional<Constant> bias;
  if (node.has(2)) {
    bias = scaled(linear_bias(node.constant(2, "bias"), weight.dims[0]), beta);
  }
  return add_linear(node.graph(), layer_name(node.node(), {1, 2}), features(node), weight, bias ? &*bias : nullptr);
}

Value matmul(NodeView& node) {
  node.attributes.require_all_understood();
  auto product = std::make_shared<OpenProduct>();
  product->weight = std::make_shared<Constant>(linear_weight(node.constant(1, "weight"), false));
  product->name = layer_name(node.node(), {1});
  product->named_by_weight = !module_of(node.node().input(1)).empty();
  Activation result = features(node);
  if (result.known && result.dims[1] != product->weight->dims[1]) {
    throw NodeProblem(
        fmt::format("a weight for {} features, but its input has {}", product->weight->dims[1], result.dims[1]));
  }
  result.product = std::move(product);
  return result;
}

Value add(NodeView& node) {
  node.attributes.ignore({"consumed_inputs", "broadcast", "axis"});  // of old opsets: equal shapes mean the same in all
  node.attributes.require_all_understood();
  if (const auto i = product_of_bias(node)) {
    Activation input = std::get<Activation>(node.graph().value(node.node().input(*i)));
    const auto product = std::exchange(input.product, nullptr);
    const Constant bias = linear_bias(node.constant(1 - *i, "bias"), product->weight->dims[0]);
    const std::string by_bias = module_of(node.node().input(1 - *i));
    const bool keep = product->named_by_weight || by_bias.empty();
    return add_linear(node.graph(), keep ? product->name : by_bias, input, *product->weight, &bias);
  }
  if (node.has_unknown()) {
    return Activation::unknown();
  }
  const std::vector<Activation> inputs = {node.activation(0), node.activation(1)};
  if (inputs[0].dims != inputs[1].dims || inputs[0].shape != inputs[1].shape) {
    throw NodeProblem(fmt::format("its inputs are {} and {}: only equal shapes can be added",
                                  fmt::join(inputs[0].dims, "x"), fmt::join(inputs[1].dims, "x")));
  }
  Activation result = node.graph().add(layer_name(node.node(), {}), std::make_unique<layers::Add>(), inputs);
  result.dims = inputs[0].dims;
  return result;
}

}  // namespace trainer::onnx_format::importers

namespace trainer::onnx_format {

Activation close_product(GraphImporter& graph, Activation open) {
  const auto product = std::exchange(open.product, nullptr);
  return importers::add_linear(graph, product->name, open, *product->weight, nullptr);
}

}  // namespace trainer::onnx_format
