#include "network/rectified_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/graph.h"
#include "network/initialise.h"
#include "network/named/models.h"
#include "network/support.h"

namespace trainer {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const Network& network) {
  std::vector<std::string> found;
  for (const RectifiedOutputs& outputs : find_rectified_outputs(network.nodes())) {
    found.push_back(network.nodes()[outputs.convolution].name + " > " + network.nodes()[outputs.rectifier].name +
                    (outputs.has_shortcut() ? " with shortcut" : ""));
  }
  return found;
}

TEST(RectifiedOutputs, AreThoseOfEveryResidualBlock) {
  const Network network = make_model({"resnet18", 0.25, {2, 3, 32, 32}, 10, 1});
  const std::vector<std::string> found = names(network);
  EXPECT_EQ(found.size(), 17U) << "all but the linear layer and the three of shortcuts";
  EXPECT_EQ(found.front(), "conv1 > relu");
  EXPECT_EQ(found[6], "layer2.0.conv2 > layer2.0.relu2 with shortcut");
}

TEST(RectifiedOutputs, AreFoundBeforeMaxPoolingAndBeforeReluSix) {
  EXPECT_EQ(names(make_model({"resnet18", 0.25, {2, 3, 224, 224}, 10, 1})).front(), "conv1 > relu");
  EXPECT_EQ(names(make_model({"mobilenet-v2", 0.5, {2, 3, 32, 32}, 10, 1})).size(), 35U)
      << "stem, head, 16 expansions, 17 depthwise: projections have no ReLU";
}

TEST(RectifiedOutputs, AreReadByNothingElse) {
  Network network;
  const int conv = test::convolution(network, "conv", Network::kInput, 2, 4);
  const int bn = test::batchnorm(network, "bn", conv, 4);
  const int relu = test::relu(network, "relu", bn);
  const int sum = test::add(network, "add", relu, bn);
  test::linear(network, "fc", test::global_average(network, "pool", sum), 4, 3);
  EXPECT_TRUE(names(network).empty());
}

/// Names of the nodes whose name starts with `prefix`, without it, in the order of FF; a fused pass as first-last.
std::vector<std::string> order_of(const Network& network, const std::vector<ForwardStep>& steps,
                                  const std::string& prefix) {
  std::vector<std::string> order;
  for (const ForwardStep& step : steps) {
    const auto name = [&](size_t node) { return network.nodes()[node].name.substr(prefix.size()); };
    if (network.nodes()[step.node].name.starts_with(prefix)) {
      order.push_back(step.batchnorm == nullptr ? name(step.node) : name(step.node) + "-" + name(step.last));
    }
  }
  return order;
}

TEST(SpeculatingSteps, LetAConvolutionWaitForItsShortcut) {
  const Network network = make_model({"resnet18", 0.25, {2, 3, 32, 32}, 10, 1});
  const auto steps = forward_steps(network.nodes().size(), {});
  const auto speculating = speculating_steps(network.nodes(), steps, find_rectified_outputs(network.nodes()));
  EXPECT_THAT(order_of(network, steps, "layer2.0."),
              ElementsAre("conv1", "bn1", "relu1", "conv2", "bn2", "downsample.0", "downsample.1", "add", "relu2"));
  EXPECT_THAT(order_of(network, speculating, "layer2.0."),
              ElementsAre("conv1", "bn1", "relu1", "downsample.0", "downsample.1", "conv2", "bn2", "add", "relu2"));
  EXPECT_EQ(order_of(network, speculating, "layer2.1."), order_of(network, steps, "layer2.1."));
}

TEST(SpeculatingSteps, LetItsOwnBnDoTheSum) {
  Network network = make_model({"resnet18", 0.25, {2, 3, 32, 32}, 10, 1});
  network.plan({2, 3, 32, 32}, KernelPath::highway);
  const auto node = [&](const std::string& name) {
    return static_cast<size_t>(std::ranges::find(network.nodes(), name, &Network::Node::name) -
                               network.nodes().begin());
  };
  const auto batchnorm = [&](const std::string& name) {
    return dynamic_cast<layers::BatchNorm*>(network.nodes()[node(name)].layer.get());
  };
  const std::vector<RectifiedChain> chains = {
      {batchnorm("layer2.0.bn1"), node("layer2.0.bn1"), node("layer2.0.relu1"), -1},
      {batchnorm("layer2.0.downsample.1"), node("layer2.0.downsample.1"), node("layer2.0.relu2"), 0},
      {batchnorm("layer2.1.bn2"), node("layer2.1.bn2"), node("layer2.1.relu2"), 1}};
  const auto steps = speculating_steps(network.nodes(), forward_steps(network.nodes().size(), chains),
                                       find_rectified_outputs(network.nodes()));
  EXPECT_THAT(order_of(network, steps, "layer2.0."),
              ElementsAre("conv1", "bn1-relu1", "downsample.0", "downsample.1", "conv2", "bn2-relu2"));
  const ForwardStep& sum = *std::ranges::find(steps, node("layer2.0.bn2"), &ForwardStep::node);
  EXPECT_EQ(sum, (ForwardStep{node("layer2.0.bn2"), node("layer2.0.relu2"), batchnorm("layer2.0.bn2"),
                              node("layer2.0.add"), 1}));
  EXPECT_THAT(order_of(network, steps, "layer2.1."), ElementsAre("conv1", "bn1", "relu1", "conv2", "bn2-relu2"));
}

/// Turns some live activations off, and remembers what it was told.
class Switch final : public StepHook {
 public:
  bool off = false;
  std::vector<std::string> calls;

  bool changes_outputs() const override { return true; }
  void rectification(const ContractionLayer& layer, const Rectification& after) override {
    calls.push_back("announced " + layer.name + (after.shortcut != nullptr ? " +" : ""));
    EXPECT_EQ(static_cast<int64_t>(after.gamma.size()), layer.geometry.k);
    EXPECT_EQ(after.epsilon, 1e-5F);
    if (after.shortcut != nullptr) {
      EXPECT_EQ(after.shortcut->shape(), layer.geometry.output());
      EXPECT_GT(*std::ranges::max_element(after.shortcut->values()), 0) << "the shortcut is there already";
    }
  }
  void feedforward(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                   Tensor& /*Z*/) override {
    calls.push_back("FF " + layer.name);
  }
  void rectified(const ContractionLayer& layer, Tensor& A) override {
    calls.push_back("rectified " + layer.name);
    EXPECT_EQ(A.shape(), layer.geometry.output());
    EXPECT_EQ(*std::ranges::min_element(A.values()), 0);
    if (off && layer.name == "conv2") {
      std::fill_n(A.channel(1), A.shape().channel_size(), 0.0F);
    }
  }
};

/// conv1 - bn1 - relu1 - conv2 - bn2 - relu2 - conv3 - bn3 - (+ relu2) add - relu3 - pool - fc
Network small_network() {
  Network network;
  const auto rectified = [&](const std::string& number, int input, int64_t from) {
    const int conv = test::convolution(network, "conv" + number, input, from, 4);
    return test::batchnorm(network, "bn" + number, conv, 4);
  };
  const int first = test::relu(network, "relu1", rectified("1", Network::kInput, 2));
  const int second = test::relu(network, "relu2", rectified("2", first, 4));
  const int sum = test::add(network, "add", rectified("3", second, 4), second);
  test::linear(network, "fc", test::global_average(network, "pool", test::relu(network, "relu3", sum)), 4, 3);
  initialise(network, 1);
  return network;
}

const Shape kImages = {3, 2, 5, 5};

std::vector<AlignedVector<float>> gradients(Switch& hook, KernelPath path, Passes passes, Format format) {
  hook.calls.clear();
  Network network = small_network();
  network.plan(kImages, path, format, passes);
  network.feedforward(test::random_tensor(kImages, 1), true, &hook);
  network.backpropagate(test::random_tensor({3, 3, 1, 1}, 2), &hook);
  std::vector<AlignedVector<float>> result;
  for (const Parameter* parameter : network.parameters()) {
    result.push_back(parameter->gradient);
  }
  return result;
}

TEST(RectifiedOutputs, AreShownAroundTheirConvolution) {
  for (const Format format : {Format::fp32, Format::fp16}) {
    for (const Passes passes : {Passes::fused, Passes::one_by_one}) {
      Switch hook;
      gradients(hook, KernelPath::highway, passes, format);
      EXPECT_THAT(hook.calls,
                  ElementsAre("announced conv1", "FF conv1", "rectified conv1", "announced conv2", "FF conv2",
                              "rectified conv2", "announced conv3 +", "FF conv3", "rectified conv3", "FF fc"));
    }
  }
}

TEST(RectifiedOutputs, AreNotShownInInference) {
  Network network = small_network();
  network.plan(kImages, KernelPath::automatic);
  Switch hook;
  network.feedforward(test::random_tensor(kImages, 1), false, &hook);
  EXPECT_THAT(hook.calls, ElementsAre("FF conv1", "FF conv2", "FF conv3", "FF fc"));
}

TEST(RectifiedOutputs, ThatAreSetToZeroAreOffInBp) {
  for (const KernelPath path : test::kEveryPath) {
    for (const Passes passes : {Passes::fused, Passes::one_by_one}) {
      Switch hook;
      hook.off = true;
      const auto found = gradients(hook, path, passes, Format::fp32);
      // Of 4 channels with 4 * 9 weights each.
      const auto is_zero = [](const AlignedVector<float>& gradient, size_t begin, size_t end) {
        return std::all_of(gradient.begin() + static_cast<std::ptrdiff_t>(begin),
                           gradient.begin() + static_cast<std::ptrdiff_t>(end), [](float value) { return value == 0; });
      };
      const AlignedVector<float>& weight = found[3];
      const AlignedVector<float>& gamma = found[4];
      const AlignedVector<float>& beta = found[5];
      ASSERT_EQ(weight.size(), 144U);
      EXPECT_TRUE(is_zero(weight, 36, 72) && is_zero(gamma, 1, 2) && is_zero(beta, 1, 2)) << to_string(path);
      EXPECT_FALSE(is_zero(weight, 0, 36) || is_zero(gamma, 0, 1) || is_zero(beta, 0, 1));
    }
  }
}

TEST(RectifiedOutputs, LeftAsTheyAreChangeNothing) {
  for (const Passes passes : {Passes::fused, Passes::one_by_one}) {
    for (const std::string model : {"resnet18", "resnet20", "mobilenet-v2"}) {
      std::vector<AlignedVector<float>> without;
      Switch hook;
      for (StepHook* attached : {static_cast<StepHook*>(nullptr), static_cast<StepHook*>(&hook)}) {
        const Shape images = {4, 3, 32, 32};
        Network network = make_model({model, 0.25, images, 10, 1});
        test::prune_all(network, 0.3, 1);
        network.plan(images, KernelPath::highway, Format::fp32, passes);
        network.feedforward(test::random_tensor(images, 1), true, attached);
        network.backpropagate(test::random_tensor({4, 10, 1, 1}, 2), attached);
        std::vector<AlignedVector<float>> gradients;
        for (const Parameter* parameter : network.parameters()) {
          gradients.push_back(parameter->gradient);
        }
        if (attached == nullptr) {
          without = gradients;
        } else {
          EXPECT_EQ(gradients, without) << model;
        }
      }
    }
  }
}

}  // namespace
}  // namespace trainer
