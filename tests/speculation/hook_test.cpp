#include "speculation/hook.h"

#include <gtest/gtest.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "network/graph.h"
#include "network/initialise.h"
#include "network/support.h"

namespace trainer {
namespace {

const Shape kImages = {8, 3, 8, 8};

/// conv0 - bn1 - relu2 - conv3 - bn4 - relu5 - pool6 - fc7
Network two_convolutions(Format format = Format::fp32) {
  Network network;
  const int conv1 = test::convolution(network, "conv1", Network::kInput, 3, 8);
  const int relu1 = test::relu(network, "relu1", test::batchnorm(network, "bn1", conv1, 8));
  const int conv2 = test::convolution(network, "conv2", relu1, 8, 8);
  const int relu2 = test::relu(network, "relu2", test::batchnorm(network, "bn2", conv2, 8));
  test::linear(network, "fc", test::global_average(network, "pool", relu2), 8, 3);
  initialise(network, 1);
  network.plan(kImages, KernelPath::highway, format);
  return network;
}

/// Counts what it is shown.
class Counter : public StepHook {
 public:
  int calls = 0;
  int64_t zeros = 0;
  int64_t values = 0;

  void begin_step(int64_t /*step*/) override { ++calls; }
  void feedforward(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                   Tensor& /*Z*/) override {
    ++calls;
  }
  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    ++calls;
    if (layer.output_to_batchnorm) {
      zeros += std::count(dZ.values().begin(), dZ.values().end(), 0.0F);
      values += dZ.size();
    }
  }
  void backpropagation(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& /*dX*/) override {
    ++calls;
  }
  void weight_gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, std::span<float> /*dW*/) override {
    ++calls;
  }
  void batchnorm_feedforward(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/) override { ++calls; }
  void batchnorm_backpropagation(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/, Tensor& /*dZ*/) override {
    ++calls;
  }
  void update(std::span<Parameter* const> /*parameters*/) override { ++calls; }
  void end_step() override { ++calls; }
};

/// Counts the outputs that it is told are skipped.
class SkipCounter : public StepHook {
 public:
  int64_t skipped = 0;
  int64_t audited = 0;

  void outputs_skipped(const ContractionLayer& /*layer*/, const SkippedOutputs& outputs) override {
    for (const uint64_t word : outputs.bits) {
      skipped += std::popcount(word);
    }
    audited += outputs.audited;
  }
};

void run_step(Network& network, SpeculatingHook& hook, int64_t step) {
  const Tensor images = test::random_tensor(kImages, static_cast<uint64_t>(step));
  hook.begin_step(step);
  network.feedforward(images, true, &hook);
  network.backpropagate(test::random_tensor({kImages.n, 3, 1, 1}, 100 + static_cast<uint64_t>(step)), &hook);
  hook.update({});
  hook.end_step();
}

TEST(SpeculatingHook, InnerHookSeesEverythingAndThePrunedGradients) {
  Network network = two_convolutions();
  SpeculatingHook hook({.classes = {.gradients = true}});
  run_step(network, hook, 0);  // nobody watches
  Counter counter;
  hook.forward_to(&counter);
  run_step(network, hook, 1);
  // Three layers: FF, gradient, WG; two with BP; two BN with FF and BP; begin, update, end.
  EXPECT_EQ(counter.calls, 3 * 3 + 2 + 2 * 2 + 3);
  GradientCounts counts;
  ASSERT_EQ(hook.last_step().size(), 2U);  // the last layer's dZ comes from no BN
  EXPECT_EQ(hook.last_step()[0].layer, "conv1");
  EXPECT_EQ(hook.last_step()[1].layer, "conv2");
  for (const LayerSpeculation& layer : hook.last_step()) {
    counts += layer.gradients;
  }
  EXPECT_EQ(counter.values, counts.values);
  EXPECT_EQ(counter.zeros, counts.values - counts.operands + counts.dropped);
  EXPECT_GT(counts.dropped_share(), 0.1);
}

TEST(SpeculatingHook, WithoutClassesThatChangeValuesTrainingIsTheSame) {
  Network plain = two_convolutions();
  Network other = two_convolutions();
  SpeculatingHook off({.classes = {.backpropagation = true, .weight_gradient = true}});
  SpeculatingHook on({.classes = {.gradients = true}});
  Network pruned = two_convolutions();
  for (int64_t step = 0; step < 2; ++step) {
    plain.feedforward(test::random_tensor(kImages, static_cast<uint64_t>(step)), true);
    plain.backpropagate(test::random_tensor({kImages.n, 3, 1, 1}, 100 + static_cast<uint64_t>(step)));
    run_step(other, off, step);
    run_step(pruned, on, step);
  }
  const auto first_gradient = [](Network& network) { return network.parameters()[0]->gradient; };
  EXPECT_EQ(first_gradient(other), first_gradient(plain));
  EXPECT_NE(first_gradient(pruned), first_gradient(plain));
  EXPECT_TRUE(off.last_step().empty());
}

TEST(SpeculatingHook, Fp16GradientsArePrunedAsStored) {
  Network network = two_convolutions(Format::fp16);
  SpeculatingHook hook({.classes = {.gradients = true}});
  run_step(network, hook, 0);
  Counter counter;
  hook.forward_to(&counter);
  run_step(network, hook, 1);
  GradientCounts counts;
  for (const LayerSpeculation& layer : hook.last_step()) {
    counts += layer.gradients;
  }
  EXPECT_GT(counts.dropped_share(), 0.1);
  EXPECT_EQ(counter.zeros, counts.values - counts.operands + counts.dropped);
}

TEST(SpeculatingHook, GoesOnFromWhatWasSaved) {
  Network network = two_convolutions();
  SpeculatingHook whole({.classes = {.gradients = true}, .gradients = {.drop = 0.5, .seed = 2}});
  run_step(network, whole, 0);
  const nlohmann::json saved = nlohmann::json::parse(whole.save().dump());
  run_step(network, whole, 1);
  const std::vector<float> expected(network.parameters()[0]->gradient.begin(), network.parameters()[0]->gradient.end());

  Network again = two_convolutions();
  SpeculatingHook first_step({.classes = {.gradients = true}});
  run_step(again, first_step, 0);  // BN's running statistics too shall be those after a step
  SpeculatingHook resumed({.classes = {.gradients = true}, .gradients = {.drop = 0.5, .seed = 2}});
  resumed.restore(saved);
  run_step(again, resumed, 1);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), again.parameters()[0]->gradient.begin()));
  ASSERT_EQ(resumed.totals().size(), 2U);
  EXPECT_EQ(resumed.totals()[1].gradients, whole.totals()[1].gradients);
  EXPECT_GT(whole.totals()[1].gradients.values, whole.last_step()[1].gradients.values);
}

TEST(SpeculatingHook, SkipsOutputsAndTellsTheInnerHook) {
  Network network = two_convolutions();
  SpeculatingHook hook({.classes = {.feedforward = true}});
  run_step(network, hook, 0);
  EXPECT_EQ(hook.last_step().size(), 2U);
  SkipCounter counter;
  hook.forward_to(&counter);
  run_step(network, hook, 1);
  FeedforwardCounts counts;
  for (const LayerSpeculation& layer : hook.last_step()) {
    counts += layer.feedforward;
  }
  EXPECT_EQ(counts.outputs, 2 * 8 * kImages.n * kImages.h * kImages.w);
  EXPECT_GT(counts.skipped, 0);
  EXPECT_EQ(counter.skipped, counts.skipped);
  EXPECT_EQ(counter.audited, counts.audited);
  EXPECT_EQ(counts.predicted, counts.skipped + counts.audited);
}

TEST(SpeculatingHook, GoesOnWithSkippingFromWhatWasSaved) {
  SpeculationOptions options;
  options.classes = {.feedforward = true, .gradients = true};
  Network network = two_convolutions();
  SpeculatingHook whole(options);
  run_step(network, whole, 0);
  SpeculatingHook resumed(options);
  resumed.restore(nlohmann::json::parse(whole.save().dump()));
  Network again = two_convolutions();
  SpeculatingHook first_step(options);
  run_step(again, first_step, 0);
  run_step(network, whole, 1);
  run_step(again, resumed, 1);
  EXPECT_EQ(network.parameters()[0]->gradient, again.parameters()[0]->gradient);
  ASSERT_EQ(resumed.totals().size(), 2U);
  EXPECT_EQ(resumed.totals()[1].feedforward, whole.totals()[1].feedforward);
}

TEST(SpeculatingHook, RefusesADamagedDocument) {
  SpeculatingHook hook({.classes = {.gradients = true}});
  EXPECT_THROW(hook.restore(nlohmann::json::parse(R"({"version": 1, "totals": []})")), UsageError);
  EXPECT_THROW(hook.restore(nlohmann::json::parse(R"({"version": 2, "totals": [], "gradients": []})")), UsageError);
  EXPECT_THROW(hook.restore(nlohmann::json(5)), UsageError);
}

}  // namespace
}  // namespace trainer
