#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "network/network.h"
#include "network/onnx/attributes.h"
#include "network/onnx/constant.h"
#include "network/onnx/fold.h"
#include "network/onnx/import.h"

namespace trainer::onnx_format {

/// A product with a weight whose bias may still come, as an Add node.
struct OpenProduct {
  std::string name;
  bool named_by_weight = false;
  std::shared_ptr<const Constant> weight;  ///< K x C
};

/// A value that depends on the images.
struct Activation {
  bool known = true;           ///< false: what makes it could not be imported, so only `known` counts
  int node = Network::kInput;  ///< what makes it
  Shape shape;                 ///< as the network sees it
  std::vector<int64_t> dims;   ///< as the file sees it: Flatten and the like change nothing else

  // What nodes before have asked for and no layer does yet.
  int64_t row_step = 1;     ///< Slice: every n-th row
  int64_t column_step = 1;  ///< Slice: every n-th column
  std::string slice_name;   ///< of the layer, if it comes to one
  std::shared_ptr<const OpenProduct> product;

  static Activation unknown() {
    Activation result;
    result.known = false;
    return result;
  }
  /// Whether the file sees it as N x C x H x W, just as the network does.
  bool is_images() const { return dims == std::vector<int64_t>{shape.n, shape.c, shape.h, shape.w}; }
};

class GraphImporter;

/// The layers that an open Slice or product comes to when nothing follows that it could be joined with.
Activation close_slice(GraphImporter& graph, Activation open);
Activation close_product(GraphImporter& graph, Activation open);

using Value = std::variant<std::shared_ptr<const Constant>, Activation>;

/// Goes through a graph in order, computes what is constant, makes layers of the rest, and collects what cannot be
/// imported.
class GraphImporter {
 public:
  GraphImporter(const onnx::GraphProto& graph, const OnnxImportOptions& options);

  /// One entry per node or value that cannot be imported; the rest of the result counts only when there is none.
  std::vector<std::string> run();
  /// After a run() without problems.
  ImportedModel result();

  // For the operators of import_operators.h.

  /// The value of that name; throws NodeProblem when nothing made it.
  const Value& value(const std::string& name);
  /// The same as the output of layers: what is still open becomes a layer. Throws NodeProblem for a constant.
  Activation activation(const std::string& name);
  /// How many nodes (and outputs of the graph) use the value.
  int consumers(const std::string& name) const;
  /// Appends a layer. `dims` of the result are those of its shape; the layer is left out if an input is not known.
  /// Throws NodeProblem for shapes that do not fit.
  Activation add(const std::string& name, std::unique_ptr<Layer> layer, const std::vector<Activation>& inputs);
  /// Fills a parameter, as a pruned one if that is asked for. Throws NodeProblem for another number of values.
  void set(Parameter& parameter, const Constant& values) const;

 private:
  void find_live_nodes();
  void take_initialisers();
  void take_input();
  void import_node(const onnx::NodeProto& node);
  void import_live(const onnx::NodeProto& node);
  std::optional<Value> folded(const onnx::NodeProto& node);
  void check_outputs(const onnx::NodeProto& node) const;
  void finish();
  /// Nothing is known of what the node makes.
  void leave_unknown(const onnx::NodeProto& node);
  void report(const onnx::NodeProto& node, const std::string& problem);
  std::string unique(const std::string& name);

  const onnx::GraphProto& graph_;
  const OnnxImportOptions& options_;
  std::map<std::string, const onnx::TensorProto*> initialisers_;
  std::map<std::string, Value> values_;
  std::map<std::string, int> consumers_;
  std::vector<uint8_t> live_;  // one per node: the output depends on it
  std::set<std::string> layer_names_;
  std::map<std::string, int> repeated_names_;
  std::vector<std::string> problems_;
  int64_t folded_floats_ = 0;
  int64_t folded_integers_ = 0;
  Network network_;
  Shape images_;
  int64_t classes_ = 0;
};

}  // namespace trainer::onnx_format
