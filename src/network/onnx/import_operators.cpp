#include "network/onnx/import_operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/relu.h"
#include "network/onnx/layer_names.h"
#include "network/onnx/problem.h"

namespace trainer::onnx_format {

const std::string& NodeView::name_of(int input) const {
  if (!has(input)) {
    throw NodeProblem(fmt::format("input {} is missing", input + 1));
  }
  return node_.input(input);
}

const Constant& NodeView::constant(int input, std::string_view what) const {
  const Value& value = graph_.value(name_of(input));
  const auto* constant = std::get_if<0>(&value);
  if (constant == nullptr) {
    if (!std::get<Activation>(value).known) {
      throw UnknownInput();
    }
    throw NodeProblem(fmt::format("its {} is computed from the images, not constant", what));
  }
  return **constant;
}

bool NodeView::is_constant(int input) const { return has(input) && graph_.value(node_.input(input)).index() == 0; }

bool NodeView::has_unknown() const {
  for (int i = 0; i < node_.input_size(); ++i) {
    const auto* activation = has(i) ? std::get_if<Activation>(&graph_.value(node_.input(i))) : nullptr;
    if (activation != nullptr && !activation->known) {
      return true;
    }
  }
  return false;
}

Activation NodeView::activation(int input) const { return graph_.activation(name_of(input)); }

Activation NodeView::images(int input) const {
  Activation activation = graph_.activation(name_of(input));
  if (activation.known && !activation.is_images()) {
    throw NodeProblem(fmt::format("its input is {}, not N x C x H x W", fmt::join(activation.dims, "x")));
  }
  return activation;
}

std::vector<const Constant*> NodeView::constants() const {
  std::vector<const Constant*> constants;
  constants.reserve(static_cast<size_t>(node_.input_size()));
  for (int i = 0; i < node_.input_size(); ++i) {
    constants.push_back(is_constant(i) ? std::get<0>(graph_.value(node_.input(i))).get() : nullptr);
  }
  return constants;
}

namespace {

/// ONNX counts the weight of the old statistics, PyTorch that of the new ones. Rounded, because 1 - 0.9F is not 0.1F.
float momentum_from(float onnx) {
  constexpr double kDigits = 1e6;
  return static_cast<float>(std::round((1 - static_cast<double>(onnx)) * kDigits) / kDigits);
}

Value batch_normalization(NodeView& node) {
  const Constant& gamma = node.constant(1, "scale");
  layers::BatchNormOptions options;
  options.channels = gamma.size();
  options.epsilon = node.attributes.number("epsilon", 1e-5F);
  options.momentum = momentum_from(node.attributes.number("momentum", 0.9F));
  // Whether the file is in training or inference form makes no difference: the network can do both.
  node.attributes.ignore({"training_mode", "is_test", "consumed_inputs"});
  if (node.attributes.integer("spatial", 1) != 1) {
    throw NodeProblem("statistics per pixel (spatial 0)");
  }
  node.attributes.require_all_understood();

  const Activation input = node.activation(0);
  if (input.known && (input.dims.size() < 2 || input.dims[1] != input.shape.c)) {
    throw NodeProblem(fmt::format("its input is {} and was flattened", fmt::join(input.dims, "x")));
  }
  auto layer = std::make_unique<layers::BatchNorm>(options);
  node.graph().set(*layer->parameters()[0], gamma);
  node.graph().set(*layer->parameters()[1], node.constant(2, "bias"));
  for (int i = 0; i < 2; ++i) {
    const std::vector<float>& values = node.constant(3 + i, i == 0 ? "mean" : "variance").floats();
    AlignedVector<float>& target = layer->buffers()[static_cast<size_t>(i)]->value;
    if (values.size() != target.size()) {
      throw NodeProblem(fmt::format("{} running statistics for {} channels", values.size(), target.size()));
    }
    std::copy(values.begin(), values.end(), target.begin());
  }
  Activation result = node.graph().add(layer_name(node.node(), {1, 2}), std::move(layer), {input});
  result.dims = input.dims;
  return result;
}

Value activation_of(NodeView& node, std::unique_ptr<Layer> layer) {
  const Activation input = node.activation(0);
  Activation result = node.graph().add(layer_name(node.node(), {}), std::move(layer), {input});
  result.dims = input.dims;
  return result;
}

Value relu(NodeView& node) {
  node.attributes.ignore({"consumed_inputs"});
  node.attributes.require_all_understood();
  return activation_of(node, std::make_unique<layers::Relu>());
}

Value clip(NodeView& node) {
  constexpr float kNone = std::numeric_limits<float>::max();
  const auto bound = [&](int input, const char* name, float otherwise) {
    const float attribute = node.attributes.number(name, otherwise);
    return node.has(input) ? static_cast<float>(node.constant(input, name).scalar()) : attribute;
  };
  const float least = bound(1, "min", -kNone);
  const float most = bound(2, "max", kNone);
  node.attributes.require_all_understood();
  if (least != 0 || !(most > 0)) {
    throw NodeProblem(
        fmt::format("bounds {} and {}: only a clip at 0 (ReLU), or at 0 and above it, has a layer", least, most));
  }
  if (most < kNone) {
    return activation_of(node, std::make_unique<layers::ClippedRelu>(most));
  }
  return activation_of(node, std::make_unique<layers::Relu>());
}

/// The input under another name.
Value passed_on(NodeView& node) {
  if (!node.has(0)) {
    throw NodeProblem("input 1 is missing");
  }
  const std::string& name = node.node().input(0);
  if (!node.is_constant(0) && node.graph().consumers(name) > 1) {
    return node.activation(0);  // what is open becomes a layer now, or it would become one under each name
  }
  return node.graph().value(name);
}

Value identity(NodeView& node) {
  node.attributes.require_all_understood();
  return passed_on(node);
}

Value dropout(NodeView& node) {
  float ratio = node.attributes.number("ratio", 0.5F);
  node.attributes.ignore({"seed", "is_test"});
  node.attributes.require_all_understood();
  if (node.has(1)) {
    ratio = static_cast<float>(node.constant(1, "ratio").scalar());
  }
  const bool training = node.has(2) && node.constant(2, "training mode").scalar() != 0;
  if (training && ratio != 0) {
    throw NodeProblem("dropout in training form has no layer: export the model in inference form");
  }
  return passed_on(node);
}

struct ImporterEntry {
  std::string_view op;
  Importer import;
};

/// Every operator on activations. Those on constants alone are in fold.cpp.
constexpr std::array kImporters = {
    ImporterEntry{"Conv", importers::conv},
    ImporterEntry{"Gemm", importers::gemm},
    ImporterEntry{"MatMul", importers::matmul},
    ImporterEntry{"Add", importers::add},
    ImporterEntry{"BatchNormalization", batch_normalization},
    ImporterEntry{"Relu", relu},
    ImporterEntry{"Clip", clip},
    ImporterEntry{"MaxPool", importers::max_pool},
    ImporterEntry{"AveragePool", importers::average_pool},
    ImporterEntry{"GlobalAveragePool", importers::global_average_pool},
    ImporterEntry{"GlobalMaxPool", importers::global_max_pool},
    ImporterEntry{"ReduceMean", importers::reduce_mean},
    ImporterEntry{"Identity", identity},
    ImporterEntry{"Dropout", dropout},
    ImporterEntry{"Flatten", importers::flatten},
    ImporterEntry{"Reshape", importers::reshape},
    ImporterEntry{"Squeeze", importers::squeeze},
    ImporterEntry{"Unsqueeze", importers::unsqueeze},
    ImporterEntry{"Shape", importers::shape},
    ImporterEntry{"Slice", importers::slice},
    ImporterEntry{"Pad", importers::pad},
};

}  // namespace

Importer find_importer(std::string_view op) {
  const auto* found =
      std::find_if(kImporters.begin(), kImporters.end(), [&](const ImporterEntry& entry) { return entry.op == op; });
  return found != kImporters.end() ? found->import : nullptr;
}

}  // namespace trainer::onnx_format
