// BN applied as the next convolution reads: the bits, what hooks see, and the memory.

#include "network/mapped_loads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "network/graph.h"
#include "network/initialise.h"
#include "network/layers/clipped_relu.h"
#include "network/named/models.h"
#include "network/support.h"
#include "training/session.h"

namespace trainer {
namespace {

const Shape kMappedImages = {5, 3, 12, 12};

/// All kinds of readers of BN, with a ReLU, a clipped one or none: one convolution or two, a sum, a pooling, a linear
/// layer, a convolution with a bias; one that comes late; and a BN of the images.
Network all_kinds() {
  Network network;
  const auto convolution = [&](const std::string& name, int input, int64_t from = 4, int64_t kernel = 3,
                               bool bias = false) {
    return test::convolution(network, name, input, from, 4, kernel, bias);
  };
  const auto clipped = [&](const std::string& name, int input) {
    return network.add(name, std::make_unique<layers::ClippedRelu>(0.9F), {input});
  };
  const int image_bn = test::batchnorm(network, "image_bn", Network::kInput, 3);
  const int stem = convolution("stem", image_bn, 3);
  const int two = test::relu(network, "two", test::batchnorm(network, "bn_two", stem, 4));
  const int one = test::relu(network, "one", test::batchnorm(network, "bn_one", convolution("a", two), 4));
  const int late = clipped("late", test::batchnorm(network, "bn_late", convolution("b", two, 4, 1), 4));
  const int bare = test::batchnorm(network, "bare", convolution("reads_one", one), 4);
  const int biased = convolution("reads_bare", bare, 4, 3, true);
  const int summed = test::batchnorm(network, "bn_sum", convolution("reads_late", late), 4);
  const int sum = test::relu(network, "relu_sum", test::add(network, "sum", summed, biased));
  const int to_biased =
      test::relu(network, "to_biased", test::batchnorm(network, "bn_biased", convolution("c", sum), 4));
  const int pooled = test::relu(network, "pooled",
                                test::batchnorm(network, "bn_pool", convolution("reads_it", to_biased, 4, 1, true), 4));
  test::linear(network, "fc", test::global_average(network, "pool", pooled), 4, 4);
  initialise(network, 3);
  return network;
}

MemoryPlan memory_of(const Network& network) {
  std::vector<Shape> shapes;
  std::vector<MemoryNode> nodes;
  for (const Network::Node& node : network.nodes()) {
    std::vector<Shape> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(input < 0 ? kMappedImages : shapes[static_cast<size_t>(input)]);
    }
    shapes.push_back(node.layer->output_shape(inputs));
    nodes.push_back({node.inputs, shapes.back().size(), node.layer->memory(), !node.layer->parameters().empty()});
  }
  return plan_memory(nodes);
}

/// In FP32.
std::vector<MappedLoad> loads_of(Network& network, KernelPath path = KernelPath::automatic) {
  network.plan(kMappedImages, path);
  const MemoryPlan memory = memory_of(network);
  return find_mapped_loads(network.nodes(), find_rectified_chains(network.nodes(), memory), memory,
                           std::vector<uint8_t>(network.nodes().size(), 0));
}

std::vector<std::string> names_of(const Network& network, const std::vector<MappedLoad>& loads) {
  std::vector<std::string> names;
  for (const MappedLoad& load : loads) {
    names.push_back(network.nodes()[load.last].name + " by " + network.nodes()[load.reader].name);
  }
  return names;
}

TEST(MappedLoads, FindsWhatOneConvolutionAloneReads) {
  Network network = all_kinds();
  const std::vector<MappedLoad> loads = loads_of(network);
  const std::vector<std::string> expected = {"image_bn by stem", "one by reads_one", "late by reads_late",
                                             "bare by reads_bare", "to_biased by reads_it"};
  EXPECT_EQ(names_of(network, loads), expected);
  EXPECT_TRUE(loads[1].rectify);
  EXPECT_FALSE(loads[1].read_next());
  EXPECT_EQ(loads[2].ceiling, 0.9F);
  EXPECT_FALSE(loads[3].rectify);
  EXPECT_TRUE(loads[3].read_next());
  EXPECT_TRUE(loads_of(network, KernelPath::reference).empty());
  EXPECT_TRUE(loads_of(network, KernelPath::onednn).empty());
}

TEST(MappedLoads, FindsTheFirstReluOfEveryBlock) {
  for (const auto& [name, count] : {std::pair<const char*, size_t>{"resnet18", 8}, {"resnet20", 9}}) {
    Network network = make_model({name, 0.1, kMappedImages, 4, 1});
    EXPECT_EQ(loads_of(network).size(), count) << name;
  }
  // Both ReLU6 of every block and the stem's, but not that before the pooling; and the BNs that end a block where no
  // sum reads them: 52 convolutions, 10 sums that read two outputs each.
  Network mobilenet = make_model({"mobilenet-v2", 0.2, kMappedImages, 4, 1});
  const std::vector<MappedLoad> loads = loads_of(mobilenet);
  EXPECT_EQ(std::ranges::count_if(loads, &MappedLoad::rectify), 34);
  EXPECT_TRUE(std::ranges::all_of(
      loads, [](const MappedLoad& load) { return load.rectify ? load.ceiling == 6.0F : !load.ceiling; }));
}

/// The hook of each step, or null.
using HookOfStep = std::function<StepHook*(uint64_t step)>;

StepHook* no_hook(uint64_t /*step*/) { return nullptr; }

/// FF, BP and WG of three steps, with an evaluation after each: everything they give.
std::vector<float> run(Network& network, const HookOfStep& hook_of) {
  std::vector<float> all;
  const auto append = [&all](std::span<const float> values) { all.insert(all.end(), values.begin(), values.end()); };
  for (uint64_t step = 0; step < 3; ++step) {
    StepHook* const hook = hook_of(step);
    append(network.feedforward(test::random_tensor(kMappedImages, step), true, hook).values());
    network.backpropagate(test::random_tensor(network.output_shape(), step + 7), hook);
    for (const Parameter* parameter : network.parameters()) {
      append(parameter->gradient);
    }
    append(network.feedforward(test::random_tensor(kMappedImages, step + 20), false, hook).values());
  }
  for (const Buffer* buffer : network.buffers()) {
    append(buffer->value);
  }
  return all;
}

struct MappedCase {
  std::string model;
  KernelPath path;
  Format format;
  double density;

  std::string text() const {
    return model + " " + std::string(to_string(path)) + (format == Format::fp16 ? " fp16 " : " fp32 ") +
           std::to_string(density);
  }
  Network planned(Passes passes) const {
    Network network = model.empty() ? all_kinds() : make_model({model, 0.1, kMappedImages, 4, 1});
    if (density < 1) {
      test::prune_all(network, density, 5);
    }
    network.plan(kMappedImages, path, format, passes);
    return network;
  }
};

/// Under the automatic path a full weight runs on oneDNN where an output has 144 weights, a sparse one on highway.
std::vector<MappedCase> every_case() {
  std::vector<MappedCase> cases;
  for (const char* model : {"", "resnet18", "mobilenet-v2"}) {
    for (const Format format : {Format::fp32, Format::fp16}) {
      cases.push_back({model, KernelPath::automatic, format, 0.3});
      cases.push_back({model, KernelPath::automatic, format, 1});
    }
    cases.push_back({model, KernelPath::onednn, Format::fp32, 0.5});
    if (cpu_has_half_arithmetic()) {
      cases.push_back({model, KernelPath::half, Format::fp16, 0.3});
    }
  }
  return cases;
}

void expect_same_bits_as_stored(const std::function<HookOfStep()>& make_hook) {
  for (const MappedCase& c : every_case()) {
    Network stored = c.planned(Passes::summed);
    const std::vector<float> expected = run(stored, make_hook());
    Network mapped = c.planned(Passes::decoupled);
    EXPECT_TRUE(run(mapped, make_hook()) == expected) << c.text();
  }
}

TEST(MappedLoads, GiveTheBitsOfStoredOutputs) {
  expect_same_bits_as_stored([] { return no_hook; });
}

TEST(MappedLoads, SameForAnyThreads) {
  const MappedCase c = {"resnet18", KernelPath::automatic, Format::fp32, 0.3};
  set_thread_count(1);
  Network stored = c.planned(Passes::summed);
  const std::vector<float> expected = run(stored, no_hook);
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    Network mapped = c.planned(Passes::decoupled);
    EXPECT_TRUE(run(mapped, no_hook) == expected) << threads;
  }
  set_thread_count(0);
}

TEST(MappedLoads, GiveTheBitsOfStoredOutputsWithAHookOnSomeSteps) {
  StepHook idle;
  expect_same_bits_as_stored(
      [&idle]() -> HookOfStep { return [&idle](uint64_t step) { return step % 2 == 1 ? &idle : nullptr; }; });
  expect_same_bits_as_stored(
      [&idle]() -> HookOfStep { return [&idle](uint64_t step) { return step % 2 == 0 ? &idle : nullptr; }; });
}

/// Keeps a copy of all it is shown.
class Copier : public StepHook {
 public:
  std::vector<float> seen;

  void feedforward(const ContractionLayer& /*layer*/, const Tensor& X, const WeightView& /*W*/, Tensor& Z) override {
    copy({&X, &Z});
  }
  void gradient(const ContractionLayer& /*layer*/, const Tensor& X, const WeightView& /*W*/, Tensor& dZ) override {
    copy({&X, &dZ});
  }
  void backpropagation(const ContractionLayer& /*layer*/, const Tensor& X, const WeightView& /*W*/, const Tensor& dZ,
                       Tensor& dX) override {
    copy({&X, &dZ, &dX});
  }
  void weight_gradient(const ContractionLayer& /*layer*/, const Tensor& X, const WeightView& /*W*/, const Tensor& dZ,
                       std::span<float> dW) override {
    copy({&X, &dZ});
    seen.insert(seen.end(), dW.begin(), dW.end());
  }
  void batchnorm_feedforward(const BatchNormLayer& /*layer*/, const Tensor& Z) override { copy({&Z}); }
  void batchnorm_backpropagation(const BatchNormLayer& /*layer*/, const Tensor& Z, Tensor& dZ) override {
    copy({&Z, &dZ});
  }

 private:
  void copy(std::initializer_list<const Tensor*> tensors) {
    for (const Tensor* tensor : tensors) {
      seen.insert(seen.end(), tensor->values().begin(), tensor->values().end());
    }
  }
};

TEST(MappedLoads, ShowHooksWhatStoredOutputsShow) {
  for (const MappedCase& c : every_case()) {
    Copier expected;
    Network stored = c.planned(Passes::summed);
    run(stored, [&](uint64_t step) { return step == 1 ? &expected : nullptr; });
    Copier shown;
    Network mapped = c.planned(Passes::decoupled);
    run(mapped, [&](uint64_t step) { return step == 1 ? &shown : nullptr; });
    ASSERT_FALSE(expected.seen.empty());
    EXPECT_TRUE(shown.seen == expected.seen) << c.text();
  }
}

/// Changes Z, and takes away values of A.
class Changer final : public Copier {
 public:
  bool changes_outputs() const override { return true; }
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    if (!layer.is_linear) {
      Z.values()[0] = 0.5F;
    }
    Copier::feedforward(layer, X, W, Z);
  }
  void rectified(const ContractionLayer& /*layer*/, Tensor& A) override {
    for (int64_t i = 0; i < A.size(); i += 3) {
      A.data()[i] = 0;
    }
  }
};

TEST(MappedLoads, KeepWhatAHookChangesUntilItsBackPropagation) {
  for (const MappedCase& c : every_case()) {
    std::vector<std::vector<float>> results;
    std::vector<std::vector<float>> shown;
    for (const Passes passes : {Passes::summed, Passes::decoupled}) {
      Changer changer;
      Network network = c.planned(passes);
      results.push_back(run(network, [&](uint64_t step) { return step != 1 ? &changer : nullptr; }));
      shown.push_back(changer.seen);
    }
    EXPECT_TRUE(results[1] == results[0]) << c.text();
    EXPECT_TRUE(shown[1] == shown[0]) << c.text();
  }
}

// RigL asks for gradients of pruned weights on some steps, which takes another way.
TEST(MappedLoads, TrainWithMasksThatChange) {
  for (const char* method : {"set", "rigl", "gradual"}) {
    std::vector<std::vector<float>> weights;
    for (const Passes passes : {Passes::summed, Passes::decoupled}) {
      Network network = make_model({"resnet18", 0.1, kMappedImages, 4, 1});
      network.plan(kMappedImages, KernelPath::automatic, {}, passes);
      TrainingOptions options;
      options.schedule.total_steps = 7;
      options.pruning.method = method;
      options.pruning.sparsity = 0.8;
      options.pruning.update_interval = 2;
      TrainingSession session(network, options);
      for (uint64_t step = 0; step < 7; ++step) {
        session.step({test::random_tensor(kMappedImages, step), {0, 1, 3, 2, 0}});
      }
      weights.emplace_back();
      for (const Parameter* parameter : network.parameters()) {
        weights.back().insert(weights.back().end(), parameter->value.begin(), parameter->value.end());
      }
    }
    EXPECT_TRUE(weights[1] == weights[0]) << method;
  }
}

TEST(MappedLoads, TakeNoMemoryForTheirOutputs) {
  for (const Format format : {Format::fp32, Format::fp16}) {
    for (const char* name : {"resnet18", "mobilenet-v2"}) {
      Network network = make_model({name, 0.2, kMappedImages, 4, 1});
      int64_t outputs = 0;
      for (const MappedLoad& load : loads_of(network)) {
        outputs += load.batchnorm->description().shape.size() * bytes_of(format);
      }
      network.plan(kMappedImages, KernelPath::automatic, format, Passes::summed);
      const int64_t stored = network.planned_bytes();
      network.plan(kMappedImages, KernelPath::automatic, format, Passes::decoupled);
      EXPECT_EQ(network.planned_bytes(), stored - outputs) << name;
    }
  }
}

// A block of ResNet18 at batch 2, 4x4, 4 channels: two Z, A after the first BN and after the sum. The first A is the
// one that is not kept: 2 * 4 * 4 * 4 floats.
TEST(MappedLoads, TakeOneActivationLessForABlock) {
  const auto bytes = [](Passes passes) {
    Network network;
    const int stem = test::convolution(network, "stem", Network::kInput, 3, 4);
    const int inner = test::relu(network, "relu1",
                                 test::batchnorm(network, "bn1", test::convolution(network, "conv1", stem, 4, 4), 4));
    const int branch = test::batchnorm(network, "bn2", test::convolution(network, "conv2", inner, 4, 4), 4);
    const int end = test::relu(network, "relu2", test::add(network, "sum", branch, stem));
    test::linear(network, "fc", test::global_average(network, "pool", end), 4, 2);
    network.plan({2, 3, 4, 4}, KernelPath::highway, {}, passes);
    return network.planned_bytes();
  };
  EXPECT_EQ(bytes(Passes::summed) - bytes(Passes::decoupled), 2 * 4 * 4 * 4 * 4);
}

TEST(MappedLoads, ArePlannedAnewForAnotherBatch) {
  const MappedCase c = {"resnet18", KernelPath::automatic, Format::fp32, 0.3};
  Network once = c.planned(Passes::decoupled);
  Network again = c.planned(Passes::decoupled);
  again.plan({2, 3, 12, 12}, c.path);
  again.feedforward(test::random_tensor({2, 3, 12, 12}, 1), false);
  again.plan(kMappedImages, c.path);
  EXPECT_TRUE(run(again, no_hook) == run(once, no_hook));
}

// FP8 rounds A in place once it is all there.
TEST(MappedLoads, AreNoneInFp8) {
  const Precision fp8 = parse_precision("fp8");
  Network network = make_model({"resnet18", 0.1, kMappedImages, 4, 1});
  network.plan(kMappedImages, KernelPath::highway, fp8, Passes::summed);
  const int64_t stored = network.planned_bytes();
  network.plan(kMappedImages, KernelPath::highway, fp8, Passes::decoupled);
  EXPECT_EQ(network.planned_bytes(), stored);
}

}  // namespace
}  // namespace trainer
