#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/onnx/attributes.h"
#include "network/onnx/graph_importer.h"

namespace trainer::onnx_format {

/// One node as its importer sees it. Everything throws NodeProblem.
class NodeView {
 public:
  NodeView(const onnx::NodeProto& node, GraphImporter& graph) : attributes(node), node_(node), graph_(graph) {}

  const onnx::NodeProto& node() const { return node_; }
  GraphImporter& graph() const { return graph_; }
  /// Whether the input is there: optional ones may be left out.
  bool has(int input) const { return input < node_.input_size() && !node_.input(input).empty(); }
  /// Throws UnknownInput where nobody can say whether it is constant.
  const Constant& constant(int input, std::string_view what) const;
  /// Whether the input is there and a constant.
  bool is_constant(int input) const;
  /// Whether an input depends on a node that could not be imported.
  bool has_unknown() const;
  Activation activation(int input) const;
  /// The same, as N x C x H x W.
  Activation images(int input) const;
  /// The inputs as they are, null where they are activations or left out.
  std::vector<const Constant*> constants() const;

  Attributes attributes;

 private:
  const std::string& name_of(int input) const;

  const onnx::NodeProto& node_;
  GraphImporter& graph_;
};

using Importer = Value (*)(NodeView&);

/// What imports this operator; null if nothing does.
Importer find_importer(std::string_view op);

/// One function per operator, grouped by file.
namespace importers {
// import_contractions.cpp
Value conv(NodeView& node);
Value gemm(NodeView& node);
Value matmul(NodeView& node);
Value add(NodeView& node);
// import_pooling.cpp
Value max_pool(NodeView& node);
Value average_pool(NodeView& node);
Value global_average_pool(NodeView& node);
Value global_max_pool(NodeView& node);
Value reduce_mean(NodeView& node);
// import_layout.cpp
Value flatten(NodeView& node);
Value reshape(NodeView& node);
Value squeeze(NodeView& node);
Value unsqueeze(NodeView& node);
Value shape(NodeView& node);
Value slice(NodeView& node);
Value pad(NodeView& node);
}  // namespace importers

}  // namespace trainer::onnx_format
