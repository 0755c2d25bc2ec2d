#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "network/network.h"
#include "network/onnx/import.h"
#include "training/scratch_folder.h"

namespace trainer::test {

/// An ONNX model made by hand.
class HandMadeModel {
 public:
  explicit HandMadeModel(const std::vector<int64_t>& images) {
    model.set_ir_version(7);
    model.add_opset_import()->set_version(13);
    input("image", images);
    graph().add_output()->set_name("logits");
  }

  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  /// Extents below 1 are open.
  void input(const std::string& name, const std::vector<int64_t>& extents) {
    onnx::ValueInfoProto& info = *graph().add_input();
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const int64_t extent : extents) {
      auto& dim = *type.mutable_shape()->add_dim();
      if (extent > 0) {
        dim.set_dim_value(extent);
      } else {
        dim.set_dim_param("open");
      }
    }
  }
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output,
                        const std::string& name = "") {
    onnx::NodeProto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_name(name);
    for (const std::string& value : inputs) {
      node.add_input(value);
    }
    node.add_output(output);
    return node;
  }
  void floats(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.mutable_dims()->Assign(dims.begin(), dims.end());
    tensor.mutable_float_data()->Assign(values.begin(), values.end());
  }
  void integers(const std::string& name, const std::vector<int64_t>& values) {
    onnx::TensorProto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::INT64);
    tensor.add_dims(static_cast<int64_t>(values.size()));
    tensor.mutable_int64_data()->Assign(values.begin(), values.end());
  }
  std::filesystem::path save(const std::filesystem::path& file) const {
    std::ofstream stream(file, std::ios::binary);
    model.SerializeToOstream(&stream);
    return file;
  }

  onnx::ModelProto model;
};

inline void integer_attribute(onnx::NodeProto& node, const std::string& name, int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

inline void integers_attribute(onnx::NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  attribute.mutable_ints()->Assign(values.begin(), values.end());
}

/// Row-major N x C x H x W values as a tensor of the network, and back.
inline Tensor from_rows(const Shape& shape, const std::vector<float>& values) {
  Tensor tensor(shape);
  size_t i = 0;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          tensor.at(n, c, h, w) = values[i++];
        }
      }
    }
  }
  return tensor;
}

inline std::vector<float> to_rows(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  std::vector<float> values;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          values.push_back(tensor.at(n, c, h, w));
        }
      }
    }
  }
  return values;
}

/// Plans for these images and gives the logits, N after N.
inline std::vector<float> run(Network& network, const Tensor& images, bool training = false) {
  network.plan(images.shape(), KernelPath::reference);
  return to_rows(network.feedforward(images, training));
}

inline std::vector<std::string> parameter_names(Network& network) {
  std::vector<std::string> names;
  for (const Parameter* parameter : network.parameters()) {
    names.push_back(parameter->name);
  }
  return names;
}

inline std::vector<std::string> layer_kinds(const Network& network) {
  std::vector<std::string> kinds;
  for (const Network::Node& node : network.nodes()) {
    kinds.emplace_back(node.layer->kind());
  }
  return kinds;
}

/// The message of the UsageError that importing gives; empty if it gives none.
inline std::string import_error(const std::filesystem::path& file, const OnnxImportOptions& options = {}) {
  try {
    import_onnx(file, options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

}  // namespace trainer::test
