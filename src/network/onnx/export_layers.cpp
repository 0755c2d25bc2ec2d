#include "network/onnx/export_layers.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <stdexcept>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/convolution.h"
#include "network/layers/linear.h"
#include "network/layers/option_a_shortcut.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"

namespace trainer::onnx_format {
namespace {

using Inputs = std::span<const WrittenValue>;

/// A writer gives the output's name and says whether it is flat; its shape is the layer's business.
struct Written {
  std::string name;
  bool flat = false;
};

Written write_convolution(const layers::Convolution& layer, const std::string& name, Inputs inputs, const Shape&,
                          GraphWriter& graph) {
  const layers::ConvolutionOptions& o = layer.options();
  std::vector<std::string> names = {graph.images(inputs[0], name).name, graph.parameter(layer.weight())};
  if (layer.bias() != nullptr) {
    names.push_back(graph.parameter(*layer.bias()));
  }
  const std::string output = graph.node("Conv", name, names);
  graph.integers("kernel_shape", {o.kernel_h, o.kernel_w});
  graph.integers("strides", {o.stride, o.stride});
  graph.integers("pads", {o.padding, o.padding, o.padding, o.padding});
  graph.integers("dilations", {o.dilation, o.dilation});
  graph.integer("group", o.groups);
  return {output};
}

Written write_batchnorm(const layers::BatchNorm& layer, const std::string& name, Inputs inputs, const Shape&,
                        GraphWriter& graph) {
  const std::array<int64_t, 1> channels = {layer.options().channels};
  const auto statistics = [&](const Buffer& buffer) { return graph.floats(buffer.name, channels, buffer.value); };
  const WrittenValue& input = inputs[0].shape.h * inputs[0].shape.w == 1 ? inputs[0] : graph.images(inputs[0], name);
  const std::string output = graph.node("BatchNormalization", name,
                                        {input.name, graph.parameter(layer.gamma()), graph.parameter(layer.beta()),
                                         statistics(layer.running_mean()), statistics(layer.running_variance())});
  graph.number("epsilon", layer.options().epsilon);
  graph.number("momentum", 1 - layer.options().momentum);  // ONNX weighs the old statistics, PyTorch the new ones
  return {output, input.flat};
}

Written write_relu(const layers::Relu&, const std::string& name, Inputs inputs, const Shape&, GraphWriter& graph) {
  return {graph.node("Relu", name, {inputs[0].name}), inputs[0].flat};
}

Written write_clipped_relu(const layers::ClippedRelu& layer, const std::string& name, Inputs inputs, const Shape&,
                           GraphWriter& graph) {
  const auto bound = [&](const char* which, float value) {
    return graph.floats(name + which, {}, std::span<const float>(&value, 1));
  };
  return {graph.node("Clip", name, {inputs[0].name, bound(".min", 0), bound(".max", layer.ceiling())}), inputs[0].flat};
}

Written write_pooling(const layers::Pooling& layer, const std::string& name, Inputs inputs, const Shape&,
                      GraphWriter& graph) {
  const layers::PoolingOptions& o = layer.options();
  const bool maximum = o.kind == PoolingKind::maximum;
  const std::string input = graph.images(inputs[0], name).name;
  if (o.global) {
    return {graph.node(maximum ? "GlobalMaxPool" : "GlobalAveragePool", name, {input})};
  }
  const std::string output = graph.node(maximum ? "MaxPool" : "AveragePool", name, {input});
  graph.integers("kernel_shape", {o.window_h, o.window_w});
  graph.integers("strides", {o.stride, o.stride});
  graph.integers("pads", {o.padding, o.padding, o.padding, o.padding});
  if (!maximum) {
    graph.integer("count_include_pad", 1);
  }
  return {output};
}

Written write_add(const layers::Add&, const std::string& name, Inputs inputs, const Shape&, GraphWriter& graph) {
  if (inputs[0].flat == inputs[1].flat) {
    return {graph.node("Add", name, {inputs[0].name, inputs[1].name}), inputs[0].flat};
  }
  return {graph.node("Add", name, {graph.flat(inputs[0], name).name, graph.flat(inputs[1], name).name}), true};
}

Written write_linear(const layers::Linear& layer, const std::string& name, Inputs inputs, const Shape&,
                     GraphWriter& graph) {
  std::vector<std::string> names = {graph.flat(inputs[0], name).name, graph.parameter(layer.weight())};
  if (layer.bias() != nullptr) {
    names.push_back(graph.parameter(*layer.bias()));
  }
  const std::string output = graph.node("Gemm", name, names);
  graph.integer("transB", 1);
  return {output, true};
}

Written write_option_a(const layers::OptionAShortcut& layer, const std::string& name, Inputs inputs,
                       const Shape& output, GraphWriter& graph) {
  constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();
  const WrittenValue input = graph.images(inputs[0], name);
  const int64_t stride = layer.options().stride;
  const int64_t added = output.c - input.shape.c;
  if (stride == 1 && added == 0) {
    return {graph.node("Identity", name, {input.name})};
  }
  std::string value = input.name;
  if (stride > 1) {
    // The last node of the pair has the layer's name.
    value =
        graph.node("Slice", added > 0 ? name + ".slice" : name,
                   {value, graph.shape(name + ".starts", {0, 0}), graph.shape(name + ".ends", {kToTheEnd, kToTheEnd}),
                    graph.shape(name + ".axes", {2, 3}), graph.shape(name + ".steps", {stride, stride})});
  }
  if (added > 0) {
    const int64_t before = added / 2;
    value = graph.node("Pad", name, {value, graph.shape(name + ".pads", {0, before, 0, 0, 0, added - before, 0, 0})});
  }
  return {value};
}

using Writer = bool (*)(const Network::Node&, Inputs, const Shape&, GraphWriter&, Written&);

template <typename Kind, Written (*write)(const Kind&, const std::string&, Inputs, const Shape&, GraphWriter&)>
bool if_it_is(const Network::Node& node, Inputs inputs, const Shape& output, GraphWriter& graph, Written& written) {
  const auto* layer = dynamic_cast<const Kind*>(node.layer.get());
  if (layer == nullptr) {
    return false;
  }
  written = write(*layer, node.name, inputs, output, graph);
  return true;
}

/// Every layer that can be written. A new kind of layer is one function above and one line here.
constexpr std::array<Writer, 8> kWriters = {
    if_it_is<layers::Convolution, write_convolution>,
    if_it_is<layers::BatchNorm, write_batchnorm>,
    if_it_is<layers::Relu, write_relu>,
    if_it_is<layers::ClippedRelu, write_clipped_relu>,
    if_it_is<layers::Pooling, write_pooling>,
    if_it_is<layers::Add, write_add>,
    if_it_is<layers::Linear, write_linear>,
    if_it_is<layers::OptionAShortcut, write_option_a>,
};

}  // namespace

WrittenValue write_layer(const Network::Node& node, Inputs inputs, GraphWriter& graph) {
  std::vector<Shape> shapes;
  for (const WrittenValue& input : inputs) {
    shapes.push_back(input.shape);
  }
  const Shape output = node.layer->output_shape(shapes);
  Written written;
  for (const Writer writer : kWriters) {
    if (writer(node, inputs, output, graph, written)) {
      return {written.name, output, written.flat};
    }
  }
  throw std::logic_error(fmt::format("layer {}: the table of ONNX writers has no {}", node.name, node.layer->kind()));
}

}  // namespace trainer::onnx_format
