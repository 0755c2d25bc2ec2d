#include "network/fusion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "network/graph.h"
#include "network/initialise.h"
#include "network/layers/clipped_relu.h"
#include "network/named/models.h"
#include "network/support.h"
#include "processor/simulation.h"
#include "training/session.h"

namespace trainer {
namespace {

MemoryPlan memory_of(const Network& network, const Shape& images) {
  std::vector<Shape> shapes;
  std::vector<MemoryNode> nodes;
  for (const Network::Node& node : network.nodes()) {
    std::vector<Shape> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(input < 0 ? images : shapes[static_cast<size_t>(input)]);
    }
    shapes.push_back(node.layer->output_shape(inputs));
    nodes.push_back({node.inputs, shapes.back().size(), node.layer->memory(), !node.layer->parameters().empty()});
  }
  return plan_memory(nodes);
}

std::vector<RectifiedChain> chains_of(Network& network, const Shape& images, KernelPath path) {
  network.plan(images, path);
  return find_rectified_chains(network.nodes(), memory_of(network, images));
}

const Shape kFusionImages = {3, 3, 8, 8};

TEST(Fusion, FindsEveryRelu) {
  for (const char* name : {"resnet18", "resnet20"}) {
    Network network = make_model({name, 0.1, kFusionImages, 4, 1});
    const auto& nodes = network.nodes();
    const auto relus =
        std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.layer->kind() == "relu"; });
    const auto chains = chains_of(network, kFusionImages, KernelPath::automatic);
    // Of resnet20's shortcuts, option A has no BN: where its sum comes after it, BN is not the node before the sum.
    const auto shortcuts = std::count_if(nodes.begin(), nodes.end(),
                                         [](const auto& node) { return node.layer->kind() == "option-A shortcut"; });
    EXPECT_EQ(static_cast<long>(chains.size()), relus - shortcuts) << name;
    EXPECT_TRUE(chains_of(network, kFusionImages, KernelPath::reference).empty());
    EXPECT_TRUE(chains_of(network, kFusionImages, KernelPath::onednn).empty());
  }
}

TEST(Fusion, FindsEveryClippedRelu) {
  Network network = make_model({"mobilenet-v2", 0.2, kFusionImages, 4, 1});
  const auto& nodes = network.nodes();
  const auto relus =
      std::ranges::count_if(nodes, [](const auto& node) { return node.layer->kind() == "clipped relu"; });
  const auto chains = chains_of(network, kFusionImages, KernelPath::automatic);
  EXPECT_EQ(static_cast<long>(chains.size()), relus);
  EXPECT_TRUE(std::ranges::all_of(chains, [](const RectifiedChain& chain) { return chain.ceiling == 6.0F; }));
}

TEST(Fusion, LeavesWhatOthersRead) {
  Network network;
  const int conv = test::convolution(network, "conv", Network::kInput, 3, 4);
  const int bn = test::batchnorm(network, "bn", conv, 4);
  const int relu = test::relu(network, "relu", bn);
  test::add(network, "sum", bn, relu);  // reads BN's output too
  EXPECT_TRUE(chains_of(network, kFusionImages, KernelPath::highway).empty());

  Network twice;
  const int image_bn = test::batchnorm(twice, "bn", Network::kInput, 3);
  test::relu(twice, "relu", test::add(twice, "sum", image_bn, image_bn));
  EXPECT_TRUE(chains_of(twice, kFusionImages, KernelPath::highway).empty());
}

/// FF, BP and WG, some times over: everything they give.
std::vector<float> run_step(Network& network, StepHook* hook) {
  std::vector<float> all;
  const auto append = [&all](std::span<const float> values) { all.insert(all.end(), values.begin(), values.end()); };
  for (uint64_t step = 0; step < 2; ++step) {
    append(network.feedforward(test::random_tensor(kFusionImages, step), true, hook).values());
    network.backpropagate(test::random_tensor(network.output_shape(), step + 7), hook);
    for (const Parameter* parameter : network.parameters()) {
      append(parameter->gradient);
    }
  }
  for (const Buffer* buffer : network.buffers()) {
    append(buffer->value);
  }
  append(network.feedforward(test::random_tensor(kFusionImages, 9), false, hook).values());
  return all;
}

/// Sums whose branch comes first or second, on images, on each other, and with a shortcut that goes on elsewhere.
Network awkward_network() {
  Network network;
  const int stem = test::convolution(network, "stem", Network::kInput, 3, 4);
  const int bn_first = test::batchnorm(network, "bn_first", stem, 4);
  const int relu_first = test::relu(network, "relu_first", bn_first);
  const int bn_second =
      test::batchnorm(network, "bn_second", test::convolution(network, "second", relu_first, 4, 4), 4);
  const int relu_second = test::relu(network, "relu_second", test::add(network, "sum_second", relu_first, bn_second));
  const int side = test::convolution(network, "side", relu_second, 4, 4);
  const int bn_third = test::batchnorm(network, "bn_third", test::convolution(network, "third", side, 4, 4), 4);
  const int relu_third = test::relu(network, "relu_third", test::add(network, "sum_third", bn_third, side));
  const int bn_image = test::batchnorm(network, "bn_image", Network::kInput, 3);
  const int sum_image = test::add(network, "sum_image", bn_image, Network::kInput);
  const int image = network.add("relu_image", std::make_unique<layers::ClippedRelu>(0.8F), {sum_image});
  const int mixed = test::add(network, "mixed", relu_third, test::convolution(network, "image", image, 3, 4));
  const int all = test::add(network, "all", mixed, test::add(network, "sides", side, relu_second));
  test::linear(network, "fc", test::global_average(network, "pool", all), 4, 4);
  initialise(network, 3);
  return network;
}

TEST(Fusion, OfAnAwkwardNetworkFindsAllFour) {
  Network network = awkward_network();
  EXPECT_EQ(chains_of(network, kFusionImages, KernelPath::automatic).size(), 4U);
}

TEST(Fusion, GivesTheBitsOfLayersOneByOne) {
  StepHook idle;
  const auto make = [](int which) {
    const std::array<const char*, 4> names = {"", "resnet18", "resnet20", "mobilenet-v2"};
    return which == 0 ? awkward_network() : make_model({names[static_cast<size_t>(which)], 0.1, kFusionImages, 4, 1});
  };
  for (int which = 0; which < 4; ++which) {
    std::vector<float> expected;
    for (const Passes passes : {Passes::one_by_one, Passes::fused}) {
      for (StepHook* hook : {static_cast<StepHook*>(nullptr), &idle}) {
        Network network = make(which);
        test::prune_all(network, 0.3, 5);
        network.plan(kFusionImages, KernelPath::automatic, Format::fp32, passes);
        const std::vector<float> result = run_step(network, hook);
        if (expected.empty()) {
          expected = result;
        }
        EXPECT_EQ(result, expected) << "network " << which;
      }
    }
  }
}

/// The weights after a few steps with momentum and changing masks.
std::vector<AlignedVector<float>> trained_weights(Simulation* simulation) {
  Network network = make_model({"resnet18", 0.1, kFusionImages, 4, 1});
  network.plan(kFusionImages, KernelPath::automatic);
  TrainingOptions options;
  options.schedule.total_steps = 6;
  options.pruning.sparsity = 0.6;
  options.pruning.update_interval = 2;
  TrainingSession session(network, options);
  for (int64_t step = 0; step < 6; ++step) {
    const Batch batch = {test::random_tensor(kFusionImages, static_cast<uint64_t>(step)), {0, 1, 3}};
    session.step(batch, simulation == nullptr ? nullptr : simulation->hook(step));
  }
  std::vector<AlignedVector<float>> weights;
  for (const Parameter* parameter : network.parameters()) {
    weights.push_back(parameter->value);
  }
  return weights;
}

TEST(Fusion, TrainingWithAndWithoutAProcessorGivesTheSameWeights) {
  const auto without = trained_weights(nullptr);
  for (const int64_t observe_every : {1, 2}) {
    Simulation simulation({{"dense-28nm", {}}, {"trainer-28nm", {}}}, observe_every);
    EXPECT_EQ(trained_weights(&simulation), without) << "observing every " << observe_every;
  }
}

}  // namespace
}  // namespace trainer
