#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "network/parameter.h"
#include "tensor/shape.h"

namespace trainer::onnx_format {

/// A value of the graph being written.
struct WrittenValue {
  std::string name;
  Shape shape;
  bool flat = false;  ///< N x C*H*W in the file instead of N x C x H x W
};

/// Appends nodes and initialisers to a graph and keeps names apart.
class GraphWriter {
 public:
  explicit GraphWriter(onnx::GraphProto& graph) : graph_(graph) {}

  /// Keeps `name` for an initialiser or the graph's input or output.
  void reserve(const std::string& name) { taken_.insert(name); }

  /// A node with one output, whose name it gives.
  std::string node(std::string_view op, const std::string& name, std::span<const std::string> inputs);
  std::string node(std::string_view op, const std::string& name, std::initializer_list<std::string> inputs);

  /// Attributes of the last node.
  void integer(std::string_view name, int64_t value);
  void number(std::string_view name, float value);
  void integers(std::string_view name, std::initializer_list<int64_t> values);

  /// Initialisers. A parameter is written under its own name, zeros for its pruned weights; all give their name.
  std::string parameter(const Parameter& parameter);
  std::string floats(const std::string& name, std::span<const int64_t> dims, std::span<const float> values);
  std::string shape(const std::string& name, std::initializer_list<int64_t> values);

  /// The value as N x C*H*W; adds a Flatten node where it is not.
  WrittenValue flat(const WrittenValue& value, const std::string& for_layer);
  /// The value as N x C x H x W; adds a Reshape node where it is not.
  WrittenValue images(const WrittenValue& value, const std::string& for_layer);

 private:
  std::string fresh(const std::string& name);
  onnx::AttributeProto& attribute(std::string_view name, onnx::AttributeProto::AttributeType type);

  onnx::GraphProto& graph_;
  std::set<std::string> taken_;
};

}  // namespace trainer::onnx_format
