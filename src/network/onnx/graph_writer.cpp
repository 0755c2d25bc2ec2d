#include "network/onnx/graph_writer.h"

#include <fmt/format.h>

#include <bit>

#include "tensor/pattern.h"

namespace trainer::onnx_format {

// Raw data of an ONNX file is little-endian.
static_assert(std::endian::native == std::endian::little);

std::string GraphWriter::fresh(const std::string& name) {
  std::string unique = name;
  for (int i = 2; !taken_.insert(unique).second; ++i) {
    unique = fmt::format("{}_{}", name, i);
  }
  return unique;
}

std::string GraphWriter::node(std::string_view op, const std::string& name, std::span<const std::string> inputs) {
  onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type(std::string(op));
  node.set_name(name);
  for (const std::string& input : inputs) {
    node.add_input(input);
  }
  node.add_output(fresh(name + "_output"));
  return node.output(0);
}

std::string GraphWriter::node(std::string_view op, const std::string& name, std::initializer_list<std::string> inputs) {
  return node(op, name, std::span<const std::string>(inputs.begin(), inputs.size()));
}

onnx::AttributeProto& GraphWriter::attribute(std::string_view name, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *graph_.mutable_node(graph_.node_size() - 1)->add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(type);
  return attribute;
}

void GraphWriter::integer(std::string_view name, int64_t value) {
  attribute(name, onnx::AttributeProto::INT).set_i(value);
}

void GraphWriter::number(std::string_view name, float value) {
  attribute(name, onnx::AttributeProto::FLOAT).set_f(value);
}

void GraphWriter::integers(std::string_view name, std::initializer_list<int64_t> values) {
  onnx::AttributeProto& target = attribute(name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) {
    target.add_ints(value);
  }
}

std::string GraphWriter::parameter(const Parameter& parameter) {
  AlignedVector<float> dense(static_cast<size_t>(parameter.pattern->size()));
  scatter(*parameter.pattern, parameter.value, dense);
  return floats(parameter.name, parameter.extents, dense);
}

std::string GraphWriter::floats(const std::string& name, std::span<const int64_t> dims, std::span<const float> values) {
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t extent : dims) {
    tensor.add_dims(extent);
  }
  tensor.set_raw_data(values.data(), values.size_bytes());
  return name;
}

std::string GraphWriter::shape(const std::string& name, std::initializer_list<int64_t> values) {
  onnx::TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(fresh(name));
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<int64_t>(values.size()));
  tensor.set_raw_data(values.begin(), values.size() * sizeof(int64_t));
  return tensor.name();
}

WrittenValue GraphWriter::flat(const WrittenValue& value, const std::string& for_layer) {
  if (value.flat) {
    return value;
  }
  const std::string name = node("Flatten", for_layer + ".flatten", {value.name});
  integer("axis", 1);
  return {name, value.shape, true};
}

WrittenValue GraphWriter::images(const WrittenValue& value, const std::string& for_layer) {
  if (!value.flat) {
    return value;
  }
  const Shape& s = value.shape;
  const std::string extents = shape(for_layer + ".shape", {0, s.c, s.h, s.w});
  return {node("Reshape", for_layer + ".reshape", {value.name, extents}), s, false};
}

}  // namespace trainer::onnx_format
