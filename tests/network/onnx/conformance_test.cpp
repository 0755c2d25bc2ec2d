#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "network/onnx/constant.h"
#include "network/onnx/import.h"
#include "network/onnx/onnx_support.h"
#include "network/support.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using onnx_format::Constant;
using testing_helpers::read_bytes;
using testing_helpers::ScratchFolder;

/// ONNX's own conformance models, with inputs and expected outputs: Debian's package libonnx-testdata.
constexpr const char* kTestData = "/usr/share/libonnx-testdata/data";
/// How many of them must run with what the package (1.12.0) holds and the layers can do today.
constexpr int kAtLeast = 59;

/// What the models that are tried are made of.
const std::set<std::string>& operators() {
  static const std::set<std::string> set = {"Conv",          "BatchNormalization",
                                            "Relu",          "MaxPool",
                                            "AveragePool",   "GlobalAveragePool",
                                            "GlobalMaxPool", "Add",
                                            "Flatten",       "Gemm",
                                            "Clip",          "MatMul",
                                            "ReduceMean",    "Constant",
                                            "Pad",           "Transpose"};
  return set;
}

template <typename Message>
Message load(const fs::path& file) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(read_bytes(file))) << file;
  return message;
}

bool is_candidate(const onnx::GraphProto& graph) {
  return std::all_of(graph.node().begin(), graph.node().end(),
                     [](const onnx::NodeProto& node) { return operators().contains(node.op_type()); });
}

/// A flattening is no layer: a product with the identity makes it visible.
void multiply_by_identity(onnx::GraphProto& graph, int64_t features) {
  onnx::TensorProto& identity = *graph.add_initializer();
  identity.set_name("identity");
  identity.set_data_type(onnx::TensorProto::FLOAT);
  identity.add_dims(features);
  identity.add_dims(features);
  for (int64_t i = 0; i < features * features; ++i) {
    identity.add_float_data(i % (features + 1) == 0 ? 1.0F : 0.0F);
  }
  onnx::NodeProto& product = *graph.add_node();
  product.set_op_type("Gemm");
  product.add_input(graph.output(0).name());
  product.add_input("identity");
  product.add_output("product");
  graph.mutable_output(0)->set_name("product");
}

struct Outcome {
  bool ran = false;
  std::string why_not;
};

Outcome run_case(const fs::path& folder, const fs::path& scratch) {
  onnx::ModelProto model = load<onnx::ModelProto>(folder / "model.onnx");
  onnx::GraphProto& graph = *model.mutable_graph();
  // The first input is the images; the others are what a network has as constants.
  std::vector<Constant> inputs;
  std::set<std::string> stored;
  for (const auto& initialiser : graph.initializer()) {
    stored.insert(initialiser.name());
  }
  const fs::path data = folder / "test_data_set_0";
  for (int i = 0, k = 0; i < graph.input_size(); ++i) {
    if (stored.contains(graph.input(i).name())) {
      continue;
    }
    const auto tensor = load<onnx::TensorProto>(data / fmt::format("input_{}.pb", k++));
    if (k == 1) {
      try {
        inputs.push_back(onnx_format::decode(tensor));
      } catch (const std::exception& problem) {
        return {false, problem.what()};
      }
    } else {
      onnx::TensorProto& constant = *graph.add_initializer();
      constant = tensor;
      constant.set_name(graph.input(i).name());
    }
  }
  const Constant expected = onnx_format::decode(load<onnx::TensorProto>(data / "output_0.pb"));
  bool training = false;
  for (const auto& node : graph.node()) {
    for (const auto& attribute : node.attribute()) {
      training = training || (attribute.name() == "training_mode" && attribute.i() == 1);
    }
  }
  if (graph.node(graph.node_size() - 1).op_type() == "Flatten" && expected.dims.size() == 2) {
    multiply_by_identity(graph, expected.dims[1]);
  }
  const fs::path file = scratch / "model.onnx";
  std::ofstream(file, std::ios::binary) << model.SerializeAsString();

  if (inputs.empty()) {
    return {false, "no input"};
  }
  std::vector<int64_t> dims = inputs[0].dims;
  dims.resize(std::max<size_t>(dims.size(), 4), 1);
  try {
    ImportedModel imported = import_onnx(file);
    const Tensor images = test::from_rows({dims[0], dims[1], dims[2], dims[3]}, inputs[0].floats());
    for (const KernelPath path : {KernelPath::reference, KernelPath::automatic}) {
      imported.network.plan(images.shape(), path);
      const std::vector<float> actual = test::to_rows(imported.network.feedforward(images, training));
      EXPECT_EQ(actual.size(), expected.floats().size()) << folder;
      if (actual.size() == expected.floats().size()) {
        EXPECT_LT(test::max_error(actual, expected.floats()), 1e-5) << folder;
      }
    }
  } catch (const UsageError& error) {
    const std::string what = error.what();
    const size_t begin = what.find(": ") + 2;
    return {false, what.substr(begin, what.rfind(" (docs") - begin)};
  }
  return {true, ""};
}

TEST(OnnxConformance, ModelsWithinTheLayersAbilities) {
  if (!fs::exists(kTestData)) {
    GTEST_SKIP() << "Debian's package libonnx-testdata is not installed";
  }
  std::vector<fs::path> folders;
  for (const char* group : {"node", "pytorch-converted", "pytorch-operator"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(kTestData) / group)) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  const ScratchFolder scratch;
  int ran = 0;
  std::vector<std::string> skipped;
  for (const fs::path& folder : folders) {
    if (!fs::exists(folder / "model.onnx") || !is_candidate(load<onnx::ModelProto>(folder / "model.onnx").graph())) {
      continue;
    }
    const Outcome outcome = run_case(folder, scratch.path());
    const std::string name = fmt::format("{}/{}", folder.parent_path().filename().string(), folder.filename().string());
    ran += outcome.ran ? 1 : 0;
    if (outcome.ran) {
      fmt::print("ran {}\n", name);
    } else {
      skipped.push_back(fmt::format("{}: {}", name, outcome.why_not));
    }
  }
  fmt::print("{} ran, {} skipped:\n{}\n", ran, skipped.size(), fmt::join(skipped, "\n"));
  EXPECT_GE(ran, kAtLeast);
}

}  // namespace
}  // namespace trainer
