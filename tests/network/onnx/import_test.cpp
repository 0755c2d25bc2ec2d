#include "network/onnx/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "network/layers/batchnorm.h"
#include "network/layers/option_a_shortcut.h"
#include "network/onnx/onnx_support.h"
#include "network/support.h"

namespace trainer {
namespace {

using test::HandMadeModel;
using testing::ElementsAre;
using testing_helpers::ScratchFolder;

ImportedModel imported(const HandMadeModel& model, const OnnxImportOptions& options = {}) {
  const ScratchFolder folder;
  return import_onnx(model.save(folder.path() / "model.onnx"), options);
}

std::vector<float> counting(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

/// 2x2x1x1 images 1,2 and 3,4.
Tensor two_vectors() { return test::from_rows({2, 2, 1, 1}, {1, 2, 3, 4}); }

TEST(OnnxImport, MatMulAndAddAreALinearLayerWithBias) {
  for (const bool bias_first : {false, true}) {
    HandMadeModel model({0, 2});
    model.floats("onnx::MatMul_7", {2, 3}, {1, 2, 3, 10, 20, 30});
    model.floats("fc.bias", {3}, {100, 200, 300});
    model.node("MatMul", {"image", "onnx::MatMul_7"}, "product", "/fc/MatMul");
    const std::vector<std::string> inputs =
        bias_first ? std::vector<std::string>{"fc.bias", "product"} : std::vector<std::string>{"product", "fc.bias"};
    model.node("Add", inputs, "logits", "/fc/Add");
    ImportedModel result = imported(model);
    EXPECT_THAT(test::layer_kinds(result.network), ElementsAre("linear"));
    EXPECT_THAT(test::parameter_names(result.network), ElementsAre("fc.weight", "fc.bias"));
    EXPECT_THAT(test::run(result.network, two_vectors()), ElementsAre(121, 242, 363, 143, 286, 429));
  }
}

TEST(OnnxImport, MatMulAloneIsALinearLayerWithoutBias) {
  HandMadeModel model({0, 2});
  model.floats("w", {2, 2}, {1, 2, 3, 4});
  model.node("MatMul", {"image", "w"}, "product", "first");
  model.node("Relu", {"product"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::layer_kinds(result.network), ElementsAre("linear", "relu"));
  EXPECT_THAT(test::run(result.network, two_vectors()), ElementsAre(7, 10, 15, 22));
}

TEST(OnnxImport, ProductThatOthersUseTooKeepsItsBiasApart) {
  HandMadeModel model({0, 2});
  model.floats("w", {2, 2}, {1, 0, 0, 1});
  model.floats("b", {2}, {5, 6});
  model.node("MatMul", {"image", "w"}, "product");
  model.node("Add", {"product", "b"}, "biased", "bias");
  model.node("Add", {"product", "biased"}, "logits");
  const ScratchFolder folder;
  EXPECT_THAT(test::import_error(model.save(folder.path() / "m.onnx")), testing::HasSubstr("bias (Add)"));
}

TEST(OnnxImport, GemmScalesAndTurnsItsOperands) {
  HandMadeModel model({0, 2});
  model.floats("w", {2, 3}, {1, 2, 3, 10, 20, 30});
  model.floats("b", {1}, {7});
  auto& gemm = model.node("Gemm", {"image", "w", "b"}, "logits");
  auto& alpha = *gemm.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_f(0.5F);
  auto& beta = *gemm.add_attribute();
  beta = alpha;
  beta.set_name("beta");
  beta.set_f(2);
  ImportedModel result = imported(model);
  EXPECT_THAT(test::run(result.network, two_vectors()), ElementsAre(24.5F, 35, 45.5F, 35.5F, 57, 78.5F));
}

/// BN in training form: training_mode (opset 14) or five outputs (before), and momentum as ONNX counts it.
TEST(OnnxImport, BatchNormInTrainingForm) {
  for (const bool five_outputs : {false, true}) {
    HandMadeModel model({0, 2, 2, 2});
    model.floats("n.weight", {2}, {2, 3});
    model.floats("n.bias", {2}, {0.5F, -0.5F});
    model.floats("n.running_mean", {2}, {1, 2});
    model.floats("n.running_var", {2}, {4, 9});
    auto& node =
        model.node("BatchNormalization", {"image", "n.weight", "n.bias", "n.running_mean", "n.running_var"}, "logits");
    auto& momentum = *node.add_attribute();
    momentum.set_name("momentum");
    momentum.set_type(onnx::AttributeProto::FLOAT);
    momentum.set_f(0.8F);
    if (five_outputs) {
      for (const char* name : {"m", "v", "sm", "sv"}) {
        node.add_output(name);
      }
    } else {
      test::integer_attribute(node, "training_mode", 1);
      node.add_output("m");
      node.add_output("v");
      model.graph().add_output()->set_name("m");
      model.graph().add_output()->set_name("v");
    }
    ImportedModel result = imported(model);
    const auto& bn = dynamic_cast<const layers::BatchNorm&>(*result.network.nodes()[0].layer);
    EXPECT_EQ(bn.options().momentum, 0.2F);
    EXPECT_THAT(bn.running_mean().value, ElementsAre(1, 2));
    EXPECT_THAT(bn.running_variance().value, ElementsAre(4, 9));
    EXPECT_EQ(bn.gamma().name, "n.weight");
    const auto values = test::run(result.network, test::from_rows({1, 2, 2, 2}, {1, 3, 5, 7, 2, 5, 8, 11}));
    EXPECT_THAT(values,
                testing::Pointwise(testing::FloatNear(1e-5F), {0.5F, 2.5F, 4.5F, 6.5F, -0.5F, 2.5F, 5.5F, 8.5F}));
  }
}

TEST(OnnxImport, DropoutIdentityAndConstantsLeaveNoLayer) {
  HandMadeModel model({0, 1, 2, 2});
  model.floats("w", {1, 1, 1, 1}, {3});
  model.node("Identity", {"w"}, "same.weight");
  model.node("Identity", {"image"}, "i");
  model.node("Conv", {"i", "same.weight"}, "z");
  model.node("Dropout", {"z"}, "d").add_output("mask that nobody reads");
  model.node("Relu", {"d"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::layer_kinds(result.network), ElementsAre("convolution", "relu"));
  EXPECT_THAT(test::parameter_names(result.network), ElementsAre("same.weight"));
  EXPECT_THAT(test::run(result.network, test::from_rows({1, 1, 2, 2}, {1, -2, 3, 4})), ElementsAre(3, 0, 9, 12));
}

TEST(OnnxImport, NodesThatTheOutputDoesNotNeedMayBeAnything) {
  HandMadeModel model({0, 1, 2, 2});
  model.node("Relu", {"image"}, "logits");
  model.node("Loop", {"logits"}, "nobody");
  EXPECT_THAT(test::layer_kinds(imported(model).network), ElementsAre("relu"));
}

TEST(OnnxImport, MeanOverRowsAndColumnsIsGlobalPooling) {
  for (const bool keep : {false, true}) {
    HandMadeModel model({0, 2, 2, 2});
    auto& node = model.node("ReduceMean", {"image"}, "logits");
    test::integers_attribute(node, "axes", {-1, -2});
    test::integer_attribute(node, "keepdims", keep ? 1 : 0);
    ImportedModel result = imported(model);
    EXPECT_THAT(test::layer_kinds(result.network), ElementsAre("global average pooling"));
    EXPECT_THAT(test::run(result.network, test::from_rows({1, 2, 2, 2}, counting(8))), ElementsAre(2.5F, 6.5F));
  }
}

TEST(OnnxImport, ClipAtZeroIsRelu) {
  HandMadeModel model({0, 1, 1, 2});
  model.floats("zero", {}, {0});
  model.node("Clip", {"image", "zero"}, "logits");
  EXPECT_THAT(test::layer_kinds(imported(model).network), ElementsAre("relu"));
}

TEST(OnnxImport, ClipAtZeroAndSixIsReLU6) {
  HandMadeModel model({0, 1, 1, 4});
  model.floats("zero", {}, {0});
  model.floats("six", {}, {6});
  model.node("Clip", {"image", "zero", "six"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::layer_kinds(result.network), ElementsAre("clipped relu"));
  EXPECT_THAT(test::run(result.network, test::from_rows({1, 1, 1, 4}, {-1, 2.5F, 6, 7})), ElementsAre(0, 2.5F, 6, 6));
}

TEST(OnnxImport, ClipAtZeroAndInfinityIsReLU) {
  HandMadeModel model({0, 1, 1, 2});
  model.floats("zero", {}, {0});
  model.floats("most", {}, {std::numeric_limits<float>::infinity()});
  model.node("Clip", {"image", "zero", "most"}, "logits");
  EXPECT_THAT(test::layer_kinds(imported(model).network), ElementsAre("relu"));
}

/// x[:, :, ::2, ::2], with nothing padded.
TEST(OnnxImport, SliceAloneIsAnOptionAShortcutWithoutNewChannels) {
  HandMadeModel model({0, 1, 3, 4});
  model.integers("starts", {0, 0});
  model.integers("ends", {std::numeric_limits<int64_t>::max(), 4});
  model.integers("axes", {-1, 2});
  model.integers("steps", {2, 2});
  model.node("Slice", {"image", "starts", "ends", "axes", "steps"}, "s", "/block/Slice");
  model.node("Relu", {"s"}, "logits");
  ImportedModel result = imported(model);
  ASSERT_THAT(test::layer_kinds(result.network), ElementsAre("option-A shortcut", "relu"));
  EXPECT_EQ(result.network.nodes()[0].name, "block.Slice");
  EXPECT_THAT(test::run(result.network, test::from_rows({1, 1, 3, 4}, counting(12))), ElementsAre(1, 3, 9, 11));
}

/// What PyTorch makes of x.view(x.size(0), -1), whatever the batch is.
TEST(OnnxImport, ViewWithTheBatchSizeOfTheInput) {
  for (const int64_t batch : {0, 1, 3}) {
    HandMadeModel model({batch, 2, 2, 1});
    model.integers("zero", {0});
    model.integers("rest", {-1});
    model.node("Relu", {"image"}, "a");
    model.node("Shape", {"a"}, "shape");
    model.node("Gather", {"shape", "zero"}, "batch");
    auto& concat = model.node("Concat", {"batch", "rest"}, "target");
    test::integer_attribute(concat, "axis", 0);
    model.node("Reshape", {"a", "target"}, "flat");
    model.floats("fc.weight", {1, 4}, {1, 10, 100, 1000});
    auto& gemm = model.node("Gemm", {"flat", "fc.weight"}, "logits");
    test::integer_attribute(gemm, "transB", 1);
    ImportedModel result = imported(model);
    EXPECT_THAT(test::run(result.network, test::from_rows({2, 2, 2, 1}, counting(8))), ElementsAre(4321, 8765));
  }
}

TEST(OnnxImport, SqueezeAndUnsqueezeMoveNothing) {
  HandMadeModel model({0, 2, 2, 2});
  model.node("GlobalAveragePool", {"image"}, "p");
  auto& squeeze = model.node("Squeeze", {"p"}, "v");
  test::integers_attribute(squeeze, "axes", {3});
  model.integers("axes", {-1});
  model.node("Unsqueeze", {"v", "axes"}, "u");
  model.floats("w", {1, 2, 1, 1}, {1, 10});
  model.node("Conv", {"u", "w"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::run(result.network, test::from_rows({1, 2, 2, 2}, counting(8))), ElementsAre(67.5F));
}

/// The constants are computed: weights that are cast, turned and cut before they are used.
TEST(OnnxImport, WeightsThatAreComputed) {
  HandMadeModel model({0, 2});
  model.floats("stored", {3, 2}, {1, 10, 2, 20, 3, 30});
  model.floats("two", {}, {2});
  model.integers("from", {2});
  model.integers("to", {-4});
  model.integers("axes", {0});
  model.integers("steps", {-1});
  model.node("Mul", {"stored", "two"}, "doubled");
  model.node("Slice", {"doubled", "from", "to", "axes", "steps"}, "reversed");  // rows 3, 2, 1
  model.node("Transpose", {"reversed"}, "turned");
  model.node("MatMul", {"image", "turned"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::run(result.network, two_vectors()), ElementsAre(126, 84, 42, 258, 172, 86));
}

TEST(OnnxImport, SameNamesAreTold) {
  HandMadeModel model({0, 1, 2, 2});
  model.floats("shared.weight", {1, 1, 1, 1}, {2});
  model.node("Conv", {"image", "shared.weight"}, "a");
  model.node("Conv", {"a", "shared.weight"}, "logits");
  ImportedModel result = imported(model);
  EXPECT_THAT(test::parameter_names(result.network), ElementsAre("shared.weight", "shared_2.weight"));
}

TEST(OnnxImport, HeightAndWidthThatTheModelLeavesOpen) {
  HandMadeModel model({0, 1, 0, 0});
  model.node("GlobalAveragePool", {"image"}, "logits");
  EXPECT_EQ(imported(model, {.height = 6, .width = 4}).images, (Shape{1, 1, 6, 4}));
  const ScratchFolder folder;
  const auto file = model.save(folder.path() / "m.onnx");
  EXPECT_THAT(test::import_error(file), testing::HasSubstr("give the image's height and width"));
  HandMadeModel fixed({0, 1, 5, 4});
  fixed.node("GlobalAveragePool", {"image"}, "logits");
  EXPECT_THAT(test::import_error(fixed.save(file), {.height = 6, .width = 4}), testing::HasSubstr("6 was asked for"));
}

TEST(OnnxImport, ZerosArePrunedOnlyIfAskedFor) {
  HandMadeModel model({0, 2});
  model.floats("fc.weight", {2, 2}, {0, 2, -0.0F, 0});
  model.floats("fc.bias", {2}, {0, 1});
  auto& gemm = model.node("Gemm", {"image", "fc.weight", "fc.bias"}, "logits");
  test::integer_attribute(gemm, "transB", 1);
  ImportedModel pruned = imported(model, {.prune_zeros = true});
  EXPECT_EQ(pruned.network.parameters()[0]->pattern->nonzeros(), 1);
  EXPECT_EQ(pruned.network.parameters()[0]->value.size(), 1);
  EXPECT_EQ(pruned.network.parameters()[1]->value.size(), 2);  // of biases nothing is pruned
  EXPECT_THAT(test::run(pruned.network, two_vectors()), ElementsAre(4, 1, 8, 1));
  EXPECT_TRUE(imported(model).network.parameters()[0]->pattern->is_full());
}

}  // namespace
}  // namespace trainer
