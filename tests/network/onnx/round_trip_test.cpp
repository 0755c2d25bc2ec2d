#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "network/initialise.h"
#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/convolution.h"
#include "network/layers/linear.h"
#include "network/layers/option_a_shortcut.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"
#include "network/named/models.h"
#include "network/onnx/export.h"
#include "network/onnx/import.h"
#include "network/onnx/onnx_support.h"
#include "network/support.h"

namespace trainer {
namespace {

using testing_helpers::ScratchFolder;

/// Values that no two layers share, running statistics included.
void fill(Network& network) {
  uint64_t seed = 1;
  initialise(network, seed);
  for (Parameter* parameter : network.parameters()) {
    Random random(++seed);
    for (float& value : parameter->value) {
      value += 0.1F * random.normal();
    }
  }
  for (Buffer* buffer : network.buffers()) {
    Random random(++seed);
    for (float& value : buffer->value) {
      value += random.uniform(0.1F, 0.5F);
    }
  }
}

/// Export, import, and everything is as it was: names, values, kinds of layer and, bit for bit, what comes out.
void expect_round_trip(Network& network, const Shape& images, bool prune_zeros = false) {
  const ScratchFolder folder;
  const Tensor input = test::random_tensor(images, 9);
  const std::vector<float> expected = test::run(network, input);
  export_onnx(network, folder.path() / "model.onnx", {});
  ImportedModel imported = import_onnx(folder.path() / "model.onnx", {.prune_zeros = prune_zeros});

  EXPECT_EQ(imported.images, (Shape{1, images.c, images.h, images.w}));
  EXPECT_EQ(imported.classes, static_cast<int64_t>(expected.size()) / images.n);
  EXPECT_EQ(test::parameter_names(imported.network), test::parameter_names(network));
  EXPECT_EQ(test::layer_kinds(imported.network), test::layer_kinds(network));
  ASSERT_EQ(imported.network.nodes().size(), network.nodes().size());
  for (size_t i = 0; i < network.nodes().size(); ++i) {
    EXPECT_EQ(imported.network.nodes()[i].name, network.nodes()[i].name);
    EXPECT_EQ(imported.network.nodes()[i].inputs, network.nodes()[i].inputs);
  }
  EXPECT_EQ(test::run(imported.network, input), expected);
}

class NamedModel : public testing::TestWithParam<std::pair<std::string, int64_t>> {};

TEST_P(NamedModel, RoundTrip) {
  const auto& [name, pixels] = GetParam();
  const Shape images{2, 3, pixels, pixels};
  Network network = make_model({.name = name, .width = 0.125, .images = images, .classes = 10});
  fill(network);
  expect_round_trip(network, images);
}

INSTANTIATE_TEST_SUITE_P(Onnx, NamedModel,
                         testing::Values(std::pair("resnet18", 16), std::pair("resnet18", 72),
                                         std::pair("resnet20", 16), std::pair("resnet20", 15),
                                         std::pair("mobilenet-v2", 16), std::pair("mobilenet-v2", 72)),
                         [](const auto& model) {
                           std::string name = model.param.first + "_" + std::to_string(model.param.second);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(OnnxRoundTrip, PrunedWeightsComeBackAsPattern) {
  const ScratchFolder folder;
  const Shape images{2, 3, 16, 16};
  Network network = make_model({.name = "resnet20", .width = 0.25, .images = images});
  fill(network);
  test::prune_all(network, 0.2, 4);
  expect_round_trip(network, images, true);
  export_onnx(network, folder.path() / "model.onnx", {});
  ImportedModel imported = import_onnx(folder.path() / "model.onnx", {.prune_zeros = true});
  const auto before = network.parameters();
  const auto after = imported.network.parameters();
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i]->pattern->mask(), before[i]->pattern->mask()) << before[i]->name;
    EXPECT_EQ(after[i]->value, before[i]->value) << before[i]->name;
    EXPECT_EQ(after[i]->gradient.size(), after[i]->value.size());
  }
  ImportedModel dense = import_onnx(folder.path() / "model.onnx");
  for (const Parameter* parameter : dense.network.parameters()) {
    EXPECT_TRUE(parameter->pattern->is_full()) << parameter->name;
  }
}

/// What the named models do not have: biases, groups, dilation, pooling of every kind, feature vectors in every layer
/// that takes them.
TEST(OnnxRoundTrip, EveryLayerWithEveryOption) {
  Network network;
  int node = network.add("stem",
                         std::make_unique<layers::Convolution>(layers::ConvolutionOptions{.in_channels = 4,
                                                                                          .out_channels = 6,
                                                                                          .kernel_h = 3,
                                                                                          .kernel_w = 5,
                                                                                          .stride = 2,
                                                                                          .padding = 3,
                                                                                          .dilation = 2,
                                                                                          .groups = 2,
                                                                                          .bias = true}),
                         {-1});
  node = network.add("bn", std::make_unique<layers::BatchNorm>(layers::BatchNormOptions{6, 1e-3F, 0.3F}), {node});
  node = network.add("short", std::make_unique<layers::OptionAShortcut>(layers::OptionAOptions{9, 1}), {node});
  node = network.add("rows", std::make_unique<layers::OptionAShortcut>(layers::OptionAOptions{9, 2}), {node});
  const int rows = node;
  node = network.add("maximum",
                     std::make_unique<layers::Pooling>(layers::PoolingOptions{
                         .kind = PoolingKind::maximum, .window_h = 3, .window_w = 2, .stride = 1, .padding = 1}),
                     {node});
  node = network.add("average",
                     std::make_unique<layers::Pooling>(layers::PoolingOptions{
                         .kind = PoolingKind::average, .window_h = 3, .window_w = 3, .stride = 2, .padding = 1}),
                     {node});
  const int global = network.add(
      "largest",
      std::make_unique<layers::Pooling>(layers::PoolingOptions{.kind = PoolingKind::maximum, .global = true}), {rows});
  const int hidden =
      network.add("hidden", std::make_unique<layers::Linear>(layers::LinearOptions{9, 9, true}), {global});
  const int normal = network.add("bn1d", std::make_unique<layers::BatchNorm>(layers::BatchNormOptions{9}), {hidden});
  // A vector and the same as a 1x1 image, in both orders.
  int sum = network.add("sum", std::make_unique<layers::Add>(), {normal, global});
  sum = network.add("sum2", std::make_unique<layers::Add>(), {global, sum});
  sum = network.add("relu", std::make_unique<layers::Relu>(), {sum});
  const int point = network.add("pointwise",
                                std::make_unique<layers::Convolution>(layers::ConvolutionOptions{
                                    .in_channels = 9, .out_channels = 5, .kernel_h = 1, .kernel_w = 1}),
                                {sum});
  const Shape images{3, 4, 14, 17};
  const int64_t pooled = 54;  // 9 channels of 2x3
  const int direct =
      network.add("direct", std::make_unique<layers::Linear>(layers::LinearOptions{pooled, 5, false}), {node});
  network.add("logits", std::make_unique<layers::Add>(), {direct, point});
  fill(network);
  expect_round_trip(network, images);
}

TEST(OnnxRoundTrip, ShortcutThatDoesNothingIsLeftOut) {
  const ScratchFolder folder;
  Network network;
  int node = network.add("rows", std::make_unique<layers::OptionAShortcut>(layers::OptionAOptions{2, 2}), {-1});
  const int same = network.add("same", std::make_unique<layers::OptionAShortcut>(layers::OptionAOptions{2, 1}), {node});
  network.add("sum", std::make_unique<layers::Add>(), {node, same});
  const Tensor images = test::random_tensor({2, 2, 5, 5}, 1);
  const std::vector<float> expected = test::run(network, images);
  export_onnx(network, folder.path() / "model.onnx", {});
  ImportedModel imported = import_onnx(folder.path() / "model.onnx");
  EXPECT_THAT(test::layer_kinds(imported.network), testing::ElementsAre("option-A shortcut", "add"));
  EXPECT_EQ(test::run(imported.network, images), expected);
}

TEST(OnnxRoundTrip, NetworkThatEndsInAFeatureMap) {
  Network network;
  network.add("only", std::make_unique<layers::Convolution>(layers::ConvolutionOptions{.in_channels = 2}), {-1});
  fill(network);
  expect_round_trip(network, {2, 2, 5, 6});
}

TEST(OnnxRoundTrip, BatchNormOptionsAndMetadata) {
  const ScratchFolder folder;
  Network network;
  network.add("bn", std::make_unique<layers::BatchNorm>(layers::BatchNormOptions{3, 1e-4F, 0.1F}), {-1});
  network.plan({2, 3, 4, 4}, KernelPath::reference);
  const OnnxMetadata metadata{{"cat \"x\"", "\xC3\xA9"}, {0.485F, 0.456F}, {0.229F}, {{"note", "some [text"}}};
  export_onnx(network, folder.path() / "model.onnx", metadata);
  const ImportedModel imported = import_onnx(folder.path() / "model.onnx");
  const auto& bn = dynamic_cast<const layers::BatchNorm&>(*imported.network.nodes()[0].layer);
  EXPECT_EQ(bn.options().epsilon, 1e-4F);
  EXPECT_EQ(bn.options().momentum, 0.1F);
  EXPECT_EQ(imported.metadata.classes, metadata.classes);
  EXPECT_EQ(imported.metadata.mean, metadata.mean);
  EXPECT_EQ(imported.metadata.deviation, metadata.deviation);
  EXPECT_EQ(imported.metadata.other, metadata.other);
}

}  // namespace
}  // namespace trainer
