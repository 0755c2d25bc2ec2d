#include "network/onnx/export.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "network/onnx/export_layers.h"
#include "network/onnx/graph_writer.h"

namespace trainer {
namespace {

using onnx_format::GraphWriter;
using onnx_format::WrittenValue;

constexpr int64_t kIrVersion = 7;  // the one that came with opset 13
constexpr int64_t kOpset = 13;
constexpr const char* kInputName = "image";
constexpr const char* kOutputName = "logits";

/// Part of the weights that is pruned.
double weight_sparsity(Network& network) {
  int64_t kept = 0;
  int64_t all = 0;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->is_weight) {
      kept += parameter->pattern->nonzeros();
      all += parameter->pattern->size();
    }
  }
  return all == 0 ? 0 : 1 - static_cast<double>(kept) / static_cast<double>(all);
}

void describe_value(onnx::ValueInfoProto& info, const char* name, const WrittenValue& value) {
  info.set_name(name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  const Shape& s = value.shape;
  const std::vector<int64_t> extents =
      value.flat ? std::vector<int64_t>{s.c * s.h * s.w} : std::vector<int64_t>{s.c, s.h, s.w};
  for (const int64_t extent : extents) {
    type.mutable_shape()->add_dim()->set_dim_value(extent);
  }
}

void write_graph(Network& network, onnx::GraphProto& graph) {
  graph.set_name("network");
  GraphWriter writer(graph);
  writer.reserve(kInputName);
  writer.reserve(kOutputName);
  for (const Parameter* parameter : network.parameters()) {
    writer.reserve(parameter->name);
  }
  for (const Buffer* buffer : network.buffers()) {
    writer.reserve(buffer->name);
  }
  const WrittenValue images{kInputName, network.input_shape(), false};
  describe_value(*graph.add_input(), kInputName, images);

  std::vector<WrittenValue> values;
  for (const Network::Node& node : network.nodes()) {
    std::vector<WrittenValue> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(input == Network::kInput ? images : values[static_cast<size_t>(input)]);
    }
    values.push_back(write_layer(node, inputs, writer));
  }
  const WrittenValue& last = values.back();
  const bool is_vector = last.shape.h * last.shape.w == 1;
  const WrittenValue output = is_vector ? writer.flat(last, kOutputName) : last;
  describe_value(*graph.add_output(), kOutputName, output);
  // Whatever was written last makes the output.
  graph.mutable_node(graph.node_size() - 1)->set_output(0, kOutputName);
}

void add_property(onnx::ModelProto& model, const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& property = *model.add_metadata_props();
  property.set_key(key);
  property.set_value(value);
}

template <typename T>
void add_list(onnx::ModelProto& model, const std::string& key, const std::vector<T>& list) {
  if (!list.empty()) {
    using nlohmann::json;
    add_property(model, key, json(list).dump(-1, ' ', false, json::error_handler_t::replace));
  }
}

}  // namespace

void export_onnx(Network& network, const std::filesystem::path& file, const OnnxMetadata& metadata) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.add_opset_import()->set_version(kOpset);
  model.set_producer_name("trainer");
  model.set_producer_version(TRAINER_VERSION);
  write_graph(network, *model.mutable_graph());
  add_property(model, "weight_sparsity", fmt::format("{}", weight_sparsity(network)));
  add_list(model, "classes", metadata.classes);
  add_list(model, "mean", metadata.mean);
  add_list(model, "deviation", metadata.deviation);
  for (const auto& [key, value] : metadata.other) {
    add_property(model, key, value);
  }

  const size_t size = model.ByteSizeLong();
  if (size > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw UsageError(
        fmt::format("cannot write {}: the network takes {} bytes and an ONNX file holds at most 2 GiB; "
                    "choose a smaller width",
                    file.string(), size));
  }
  const std::string bytes = model.SerializeAsString();
  AtomicFile output(file);
  output.write(std::as_bytes(std::span(bytes)));
  output.commit();
}

}  // namespace trainer
