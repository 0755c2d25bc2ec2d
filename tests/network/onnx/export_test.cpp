#include "network/onnx/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

#include "network/layers/convolution.h"
#include "network/layers/option_a_shortcut.h"
#include "network/named/models.h"
#include "network/onnx/onnx_support.h"
#include "network/support.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_helpers::read_bytes;
using testing_helpers::ScratchFolder;
using testing_helpers::write_bytes;

Network small(const std::string& name, int64_t pixels = 16) {
  const Shape images{2, 3, pixels, pixels};
  Network network = make_model({.name = name, .width = 0.25, .images = images, .classes = 7, .seed = 3});
  network.plan(images, KernelPath::reference);
  return network;
}

onnx::ModelProto load(const std::filesystem::path& file) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(read_bytes(file)));
  return model;
}

std::map<std::string, int> operators(const onnx::ModelProto& model) {
  std::map<std::string, int> counts;
  for (const auto& node : model.graph().node()) {
    ++counts[node.op_type()];
  }
  return counts;
}

TEST(OnnxExport, WritesTheOperatorsOfAResNetWithOptionAShortcuts) {
  const ScratchFolder folder;
  Network network = small("resnet20");
  export_onnx(network, folder.path() / "model.onnx", {});
  const onnx::ModelProto model = load(folder.path() / "model.onnx");
  const std::map<std::string, int> expected = {
      {"Conv", 19}, {"BatchNormalization", 19}, {"Relu", 19},   {"Add", 9}, {"Slice", 2},
      {"Pad", 2},   {"GlobalAveragePool", 1},   {"Flatten", 1}, {"Gemm", 1}};
  EXPECT_EQ(operators(model), expected);
  ASSERT_EQ(model.opset_import_size(), 1);
  EXPECT_EQ(model.opset_import(0).version(), 13);
  EXPECT_EQ(model.producer_name(), "trainer");
}

TEST(OnnxExport, LeavesTheBatchOpen) {
  const ScratchFolder folder;
  Network network = small("resnet20");
  export_onnx(network, folder.path() / "model.onnx", {});
  const onnx::ModelProto model = load(folder.path() / "model.onnx");
  const auto& input = model.graph().input(0).type().tensor_type().shape();
  ASSERT_EQ(input.dim_size(), 4);
  EXPECT_EQ(input.dim(0).dim_param(), "N");
  EXPECT_EQ(input.dim(1).dim_value(), 3);
  EXPECT_EQ(input.dim(2).dim_value(), 16);
  const auto& output = model.graph().output(0).type().tensor_type().shape();
  ASSERT_EQ(output.dim_size(), 2);
  EXPECT_EQ(output.dim(0).dim_param(), "N");
  EXPECT_EQ(output.dim(1).dim_value(), 7);
}

/// libonnx's own check of every node against the operators' definitions, with shapes inferred and compared.
TEST(OnnxExport, PassesTheCheckerOfLibonnx) {
  const ScratchFolder folder;
  for (const auto& [name, pixels] : {std::pair("resnet20", 16), std::pair("resnet18", 16), std::pair("resnet18", 72)}) {
    Network network = small(name, pixels);
    export_onnx(network, folder.path() / "model.onnx", {.classes = {"a", "b"}});
    onnx::ModelProto model = load(folder.path() / "model.onnx");
    EXPECT_NO_THROW(onnx::checker::check_model(model)) << name;
    onnx::ShapeInferenceOptions strict;
    strict.check_type = true;
    strict.error_mode = 1;
    EXPECT_NO_THROW(onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict)) << name;
    // Every value got a shape, and the output's is the one that the file states.
    EXPECT_EQ(model.graph().value_info_size(), model.graph().node_size() - 1) << name;
  }
}

TEST(OnnxExport, KeepsNamesAndWritesPrunedWeightsAsZeros) {
  const ScratchFolder folder;
  Network network = small("resnet20");
  test::prune_all(network, 0.25, 5);
  export_onnx(network, folder.path() / "model.onnx", {});
  const onnx::ModelProto model = load(folder.path() / "model.onnx");
  std::map<std::string, const onnx::TensorProto*> initialisers;
  for (const auto& tensor : model.graph().initializer()) {
    initialisers[tensor.name()] = &tensor;
  }
  for (const Parameter* parameter : network.parameters()) {
    ASSERT_TRUE(initialisers.contains(parameter->name)) << parameter->name;
    const onnx::TensorProto& tensor = *initialisers[parameter->name];
    EXPECT_EQ(std::vector<int64_t>(tensor.dims().begin(), tensor.dims().end()), parameter->extents);
    std::vector<float> expected(static_cast<size_t>(parameter->pattern->size()));
    scatter(*parameter->pattern, parameter->value, expected);
    ASSERT_EQ(tensor.raw_data().size(), expected.size() * sizeof(float));
    EXPECT_EQ(std::memcmp(tensor.raw_data().data(), expected.data(), tensor.raw_data().size()), 0) << parameter->name;
  }
  EXPECT_TRUE(initialisers.contains("layer2.0.bn1.running_mean"));
}

TEST(OnnxExport, SaysWhatTheNetworkIs) {
  const ScratchFolder folder;
  Network network = small("resnet20");
  for (Parameter* parameter : network.parameters()) {
    if (parameter->is_weight) {
      const int64_t columns = parameter->pattern->columns();
      std::vector<uint8_t> kept(static_cast<size_t>(parameter->pattern->size()), 0);
      for (size_t i = 0; i < kept.size(); i += 2) {
        kept[i] = 1;
      }
      parameter->pattern = Pattern::from_mask(parameter->pattern->rows(), columns, kept);
      parameter->value.resize(static_cast<size_t>(parameter->pattern->nonzeros()));
    }
  }
  export_onnx(network, folder.path() / "model.onnx",
              {.classes = {"cat", "dog"}, .mean = {0.5F}, .other = {{"run", "7"}}});
  std::map<std::string, std::string> properties;
  const onnx::ModelProto model = load(folder.path() / "model.onnx");
  for (const auto& property : model.metadata_props()) {
    properties[property.key()] = property.value();
  }
  EXPECT_EQ(properties["classes"], R"(["cat","dog"])");
  EXPECT_EQ(properties["mean"], "[0.5]");
  EXPECT_EQ(properties["run"], "7");
  EXPECT_EQ(properties["weight_sparsity"], "0.5");
  EXPECT_FALSE(properties.contains("deviation"));
}

TEST(OnnxExport, IsTheSameBytesEveryTime) {
  const ScratchFolder folder;
  Network network = small("resnet18");
  export_onnx(network, folder.path() / "a.onnx", {});
  export_onnx(network, folder.path() / "b.onnx", {});
  EXPECT_EQ(read_bytes(folder.path() / "a.onnx"), read_bytes(folder.path() / "b.onnx"));
}

TEST(OnnxExport, FullDiskLeavesTheOldFile) {
  const ScratchFolder folder;
  const auto file = folder.path() / "model.onnx";
  write_bytes(file, "old");
  Network network = small("resnet20");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small_files{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small_files), 0);
  EXPECT_THROW(export_onnx(network, file, {}), SystemFailure);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(read_bytes(file), "old");
  EXPECT_THAT(folder.files(), testing::ElementsAre("model.onnx"));
}

TEST(OnnxExport, FolderThatIsNotThereIsNamed) {
  Network network = small("resnet20");
  try {
    export_onnx(network, "/nonexistent/model.onnx", {});
    FAIL() << "nothing thrown";
  } catch (const SystemFailure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("/nonexistent/model.onnx"));
  }
}

TEST(OnnxExport, NeedsAPlan) {
  const ScratchFolder folder;
  Network network = make_model({.name = "resnet20", .images = {1, 3, 16, 16}});
  EXPECT_THROW(export_onnx(network, folder.path() / "model.onnx", {}), std::logic_error);
  EXPECT_TRUE(folder.files().empty());
}

class Unknown : public Layer {
 public:
  std::string_view kind() const override { return "mystery"; }
  Shape output_shape(std::span<const Shape> inputs) const override { return inputs[0]; }
  void plan(int, const std::string&, std::span<const Shape>, KernelPath) override {}
  void feedforward(std::span<const Tensor* const>, Tensor&, bool, StepHook*) override {}
  void backpropagate(const BackwardView&, StepHook*) override {}
};

TEST(OnnxExport, RefusesALayerThatTheTableDoesNotHave) {
  const ScratchFolder folder;
  Network network;
  network.add("odd", std::make_unique<Unknown>(), {Network::kInput});
  network.plan({1, 3, 4, 4}, KernelPath::reference);
  EXPECT_THROW(export_onnx(network, folder.path() / "model.onnx", {}), std::logic_error);
}

}  // namespace
}  // namespace trainer
