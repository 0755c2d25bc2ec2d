#include "network/onnx/graph_importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "network/onnx/import_operators.h"
#include "network/onnx/layer_names.h"
#include "network/onnx/problem.h"
#include "tensor/pattern.h"

namespace trainer::onnx_format {
namespace {

/// Stands for a batch size that the file leaves open wherever a shape is computed. A prime, so that no shape that was
/// written down in the file can be taken for one that follows the batch.
constexpr int64_t kOpenBatch = 10'007;

/// The graph's input as an activation. Throws NodeProblem.
Activation input_activation(const onnx::ValueInfoProto& info, const OnnxImportOptions& options) {
  const onnx::TypeProto::Tensor& type = info.type().tensor_type();
  if (type.elem_type() != onnx::TensorProto::FLOAT) {
    throw NodeProblem("its elements are not 32-bit floating-point numbers");
  }
  const int rank = type.shape().dim_size();
  if (rank < 2 || rank > 4) {
    throw NodeProblem(fmt::format("it has {} dimensions, not N x C x H x W", rank));
  }
  Activation result;
  for (int i = 0; i < rank; ++i) {
    const auto& dim = type.shape().dim(i);
    const int64_t wanted = i == 2 ? options.height : i == 3 ? options.width : 0;
    int64_t extent = dim.has_dim_value() ? dim.dim_value() : 0;
    if (extent <= 0) {
      extent = i == 0 ? kOpenBatch : wanted;
    }
    if (extent < 1 || extent > kLargestExtent) {
      throw NodeProblem(fmt::format("its dimension {} is {}: give the image's height and width", i + 1,
                                    extent == 0 ? "open" : "impossible"));
    }
    if (wanted > 0 && wanted != extent) {
      throw NodeProblem(fmt::format("its dimension {} is {}, but {} was asked for", i + 1, extent, wanted));
    }
    result.dims.push_back(extent);
  }
  checked_size(result.dims, kLargestSize);
  const auto extent_at = [&](size_t i) { return i < result.dims.size() ? result.dims[i] : 1; };
  result.shape = {extent_at(0), extent_at(1), extent_at(2), extent_at(3)};
  return result;
}

}  // namespace

GraphImporter::GraphImporter(const onnx::GraphProto& graph, const OnnxImportOptions& options)
    : graph_(graph), options_(options) {}

std::vector<std::string> GraphImporter::run() {
  take_initialisers();
  find_live_nodes();
  take_input();
  for (int i = 0; i < graph_.node_size(); ++i) {
    if (live_[static_cast<size_t>(i)] != 0) {
      import_node(graph_.node(i));
    }
  }
  finish();
  return problems_;
}

ImportedModel GraphImporter::result() { return {std::move(network_), images_, classes_, {}}; }

void GraphImporter::take_initialisers() {
  for (const onnx::TensorProto& tensor : graph_.initializer()) {
    initialisers_.emplace(tensor.name(), &tensor);
  }
  if (graph_.sparse_initializer_size() > 0) {
    problems_.emplace_back("sparse initialisers: save the model with dense ones");
  }
}

void GraphImporter::find_live_nodes() {
  std::map<std::string, int> producers;
  for (int i = 0; i < graph_.node_size(); ++i) {
    for (const std::string& output : graph_.node(i).output()) {
      if (!output.empty() && !producers.emplace(output, i).second) {
        report(graph_.node(i), fmt::format("a node before it makes '{}' already", output));
      }
    }
  }
  live_.assign(static_cast<size_t>(graph_.node_size()), 0);
  std::vector<int> open;
  const auto visit = [&](const std::string& value) {
    ++consumers_[value];
    const auto producer = producers.find(value);
    if (producer != producers.end() && std::exchange(live_[static_cast<size_t>(producer->second)], uint8_t{1}) == 0) {
      open.push_back(producer->second);
    }
  };
  visit(graph_.output(0).name());
  // The statistics that BatchNormalization gives in training form are the only other outputs that may be passed over.
  for (int i = 1; i < graph_.output_size(); ++i) {
    const std::string& name = graph_.output(i).name();
    const auto producer = producers.find(name);
    const bool is_statistics = producer != producers.end() &&
                               graph_.node(producer->second).op_type() == "BatchNormalization" &&
                               graph_.node(producer->second).output(0) != name;
    if (!is_statistics) {
      problems_.push_back(fmt::format("output '{}': a network has one output, '{}'", printable(name),
                                      printable(graph_.output(0).name())));
    }
  }
  while (!open.empty()) {
    const onnx::NodeProto& node = graph_.node(open.back());
    open.pop_back();
    for (const std::string& input : node.input()) {
      if (!input.empty()) {
        visit(input);
      }
    }
  }
}

void GraphImporter::take_input() {
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const onnx::ValueInfoProto& input : graph_.input()) {
    if (!initialisers_.contains(input.name()) && consumers_.contains(input.name())) {
      inputs.push_back(&input);
    }
  }
  for (const onnx::ValueInfoProto* input : inputs) {
    values_[input->name()] = Activation::unknown();
  }
  if (inputs.size() != 1) {
    std::vector<std::string> names;
    names.reserve(inputs.size());
    for (const onnx::ValueInfoProto* input : inputs) {
      names.push_back(printable(input->name()));
    }
    problems_.push_back(fmt::format("the output depends on {} inputs{}{}: a network takes one, the images",
                                    inputs.size(), names.empty() ? "" : " ", fmt::join(names, ", ")));
    return;
  }
  try {
    const Activation images = input_activation(*inputs[0], options_);
    images_ = images.shape;
    images_.n = 1;
    values_[inputs[0]->name()] = images;
  } catch (const NodeProblem& problem) {
    problems_.push_back(fmt::format("input '{}': {}", printable(inputs[0]->name()), problem.what()));
  }
}

void GraphImporter::import_node(const onnx::NodeProto& node) {
  try {
    import_live(node);
  } catch (const NodeProblem& problem) {
    report(node, problem.what());
    leave_unknown(node);
  } catch (const UsageError& error) {  // of a layer that cannot be made so
    report(node, error.what());
    leave_unknown(node);
  } catch (const UnknownInput&) {  // the node that it comes from has been reported
    leave_unknown(node);
  }
}

void GraphImporter::leave_unknown(const onnx::NodeProto& node) {
  for (const std::string& output : node.output()) {
    values_[output] = Activation::unknown();
  }
}

void GraphImporter::import_live(const onnx::NodeProto& node) {
  if (!node.domain().empty() && node.domain() != "ai.onnx") {
    throw NodeProblem(fmt::format("operator of domain {}", node.domain()));
  }
  check_outputs(node);
  if (auto constant = folded(node)) {
    values_[node.output(0)] = std::move(*constant);
    return;
  }
  NodeView view(node, *this);
  if (const Importer importer = find_importer(node.op_type())) {
    values_[node.output(0)] = importer(view);
    return;
  }
  const bool computable = find_fold(node.op_type()) != nullptr;
  if (computable && view.has_unknown()) {
    throw UnknownInput();
  }
  throw NodeProblem(computable ? "has a layer for constants alone, not for what is made from the images"
                               : "there is no such layer");
}

std::optional<Value> GraphImporter::folded(const onnx::NodeProto& node) {
  const Fold fold = find_fold(node.op_type());
  const NodeView view(node, *this);
  for (int i = 0; i < node.input_size(); ++i) {
    if (fold == nullptr || (view.has(i) && !view.is_constant(i))) {
      return std::nullopt;
    }
  }
  if (fold == nullptr) {
    return std::nullopt;
  }
  Attributes attributes(node);
  const std::vector<const Constant*> inputs = view.constants();
  auto constant = std::make_shared<const Constant>(fold(FoldInputs(inputs), attributes));
  attributes.require_all_understood();
  int64_t& total = constant->is_float() ? folded_floats_ : folded_integers_;
  total += constant->size();
  if (total > constant->largest_result()) {
    throw NodeProblem("the model computes too much from constants: simplify it");
  }
  return constant;
}

void GraphImporter::check_outputs(const onnx::NodeProto& node) const {
  if (node.output_size() == 0 || node.output(0).empty()) {
    throw NodeProblem("it has no first output");
  }
  for (int i = 1; i < node.output_size(); ++i) {
    if (!node.output(i).empty() && consumers(node.output(i)) > 0) {
      throw NodeProblem(fmt::format("its output {} is used: layers have one", i + 1));
    }
  }
}

const Value& GraphImporter::value(const std::string& name) {
  const auto found = values_.find(name);
  if (found != values_.end()) {
    return found->second;
  }
  const auto initialiser = initialisers_.find(name);
  if (initialiser == initialisers_.end()) {
    throw NodeProblem(fmt::format("its input '{}' is made by nothing before it", name));
  }
  return values_[name] = std::make_shared<const Constant>(decode(*initialiser->second));
}

Activation GraphImporter::activation(const std::string& name) {
  const auto* found = std::get_if<Activation>(&value(name));
  if (found == nullptr) {
    throw NodeProblem(fmt::format("its input '{}' is a constant, not made from the images", name));
  }
  Activation result = *found;
  if (result.product != nullptr) {
    result = close_product(*this, std::move(result));
  } else if (result.row_step != 1 || result.column_step != 1) {
    result = close_slice(*this, std::move(result));
  } else {
    return result;
  }
  values_[name] = result;
  return result;
}

int GraphImporter::consumers(const std::string& name) const {
  const auto found = consumers_.find(name);
  return found != consumers_.end() ? found->second : 0;
}

Activation GraphImporter::add(const std::string& name, std::unique_ptr<Layer> layer,
                              const std::vector<Activation>& inputs) {
  std::vector<Shape> shapes;
  std::vector<int> nodes;
  for (const Activation& input : inputs) {
    if (!input.known) {
      return Activation::unknown();
    }
    shapes.push_back(input.shape);
    nodes.push_back(input.node);
  }
  Activation result;
  result.shape = layer->output_shape(shapes);
  result.dims = {result.shape.n, result.shape.c, result.shape.h, result.shape.w};
  if (checked_size(result.dims, kLargestSize) == 0 ||
      *std::max_element(result.dims.begin(), result.dims.end()) > kLargestExtent) {
    throw NodeProblem(fmt::format("impossible shape {}", to_string(result.shape)));
  }
  result.node = network_.add(unique(name), std::move(layer), std::move(nodes));
  return result;
}

void GraphImporter::set(Parameter& parameter, const Constant& constant) const {
  const std::vector<float>& values = constant.floats();
  if (static_cast<int64_t>(values.size()) != parameter.pattern->size()) {
    throw NodeProblem(
        fmt::format("{} values for a {} of {}", values.size(), parameter.name, fmt::join(parameter.extents, "x")));
  }
  if (options_.prune_zeros && parameter.is_weight) {
    std::vector<uint8_t> kept(values.size());
    std::transform(values.begin(), values.end(), kept.begin(), [](float value) { return value != 0 ? 1 : 0; });
    parameter.pattern = Pattern::from_mask(parameter.pattern->rows(), parameter.pattern->columns(), kept);
    parameter.value.resize(static_cast<size_t>(parameter.pattern->nonzeros()));
    parameter.gradient.resize(parameter.value.size());
  }
  gather(*parameter.pattern, values, parameter.value);
}

void GraphImporter::finish() {
  const std::string& name = graph_.output(0).name();
  try {
    const Activation output = activation(name);
    if (!output.known) {
      return;
    }
    const auto& nodes = network_.nodes();
    if (nodes.empty()) {
      throw NodeProblem("there is no layer between it and the input");
    }
    classes_ = output.shape.c * output.shape.h * output.shape.w;
    std::vector<uint8_t> used(nodes.size(), 0);
    used[static_cast<size_t>(std::max(output.node, 0))] = 1;
    for (const Network::Node& node : nodes) {
      for (const int input : node.inputs) {
        if (input >= 0) {
          used[static_cast<size_t>(input)] = 1;
        }
      }
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (used[i] == 0) {
        problems_.push_back(fmt::format("layer {}: only the shape of its output is used", nodes[i].name));
      }
    }
    if (problems_.empty() && output.node + 1 != static_cast<int>(nodes.size())) {
      throw NodeProblem("it is not made by the last layer");
    }
  } catch (const NodeProblem& problem) {
    problems_.push_back(fmt::format("output '{}': {}", printable(name), problem.what()));
  }
}

void GraphImporter::report(const onnx::NodeProto& node, const std::string& problem) {
  const std::string name = !node.name().empty()     ? node.name()
                           : node.output_size() > 0 ? "node of " + node.output(0)
                                                    : "unnamed node";
  problems_.push_back(printable(fmt::format("{} ({}): {}", name, node.op_type(), problem)));
}

std::string GraphImporter::unique(const std::string& name) {
  std::string result = printable(name);
  while (!layer_names_.insert(result).second) {
    result = fmt::format("{}_{}", printable(name), ++repeated_names_.emplace(name, 1).first->second);
  }
  return result;
}

}  // namespace trainer::onnx_format
