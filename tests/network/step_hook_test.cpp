#include "network/step_hook.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/graph.h"
#include "network/initialise.h"
#include "network/support.h"

namespace trainer {
namespace {

using testing::ElementsAre;

/// conv0 - bn1 - relu2 - conv3 - bn4 - (+relu2) add5 - relu6 - pool7 - fc8
Network tiny_network() {
  Network network;
  const int conv1 = test::convolution(network, "conv1", Network::kInput, 2, 4);
  const int relu1 = test::relu(network, "relu1", test::batchnorm(network, "bn1", conv1, 4));
  const int conv2 = test::convolution(network, "conv2", relu1, 4, 4);
  const int sum = test::add(network, "add", test::batchnorm(network, "bn2", conv2, 4), relu1);
  test::linear(network, "fc", test::global_average(network, "pool", test::relu(network, "relu2", sum)), 4, 3);
  initialise(network, 1);
  return network;
}

const Shape kHookImages = {3, 2, 5, 5};

class Recorder : public StepHook {
 public:
  std::vector<std::string> calls;

  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    record("FF", layer);
    EXPECT_EQ(X.shape(), layer.geometry.input());
    EXPECT_EQ(Z.shape(), layer.geometry.output());
    EXPECT_EQ(W.pattern->rows(), layer.geometry.weight_rows());
    EXPECT_EQ(W.pattern->columns(), layer.geometry.weight_columns());
    EXPECT_EQ(static_cast<int64_t>(W.values.size()), W.pattern->nonzeros());
  }
  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    record("dZ", layer);
    EXPECT_EQ(dZ.shape(), layer.geometry.output());
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& dX) override {
    record("BP", layer);
    EXPECT_EQ(dX.shape(), layer.geometry.input());
  }
  void weight_gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& W, const Tensor& /*dZ*/,
                       std::span<float> dW) override {
    record("WG", layer);
    EXPECT_EQ(static_cast<int64_t>(dW.size()), W.pattern->nonzeros());
  }
  void batchnorm_feedforward(const BatchNormLayer& layer, const Tensor& Z) override {
    calls.push_back(fmt::format("BN FF {} {}", layer.index, layer.name));
    EXPECT_EQ(Z.shape(), layer.shape);
  }
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override {
    calls.push_back(fmt::format("BN BP {} {}", layer.index, layer.name));
    EXPECT_EQ(Z.shape(), layer.shape);
    EXPECT_NE(Z.data(), dZ.data());
  }

 private:
  void record(const char* phase, const ContractionLayer& layer) {
    calls.push_back(fmt::format("{} {} {}", phase, layer.index, layer.name));
    EXPECT_EQ(layer.has_bp, layer.name != "conv1");
    EXPECT_EQ(layer.is_linear, layer.name == "fc");
  }
};

TEST(StepHook, IsCalledInTheOrderOfTheWork) {
  Network network = tiny_network();
  test::prune_all(network, 0.5, 1);
  network.plan(kHookImages, KernelPath::reference);
  Recorder hook;
  network.feedforward(test::random_tensor(kHookImages, 1), true, &hook);
  network.backpropagate(test::random_tensor({3, 3, 1, 1}, 2), &hook);
  EXPECT_THAT(hook.calls, ElementsAre("FF 0 conv1", "BN FF 1 bn1", "FF 3 conv2", "BN FF 4 bn2", "FF 8 fc",  //
                                      "dZ 8 fc", "WG 8 fc", "BP 8 fc",                                      //
                                      "BN BP 4 bn2", "dZ 3 conv2", "WG 3 conv2", "BP 3 conv2",              //
                                      "BN BP 1 bn1", "dZ 0 conv1", "WG 0 conv1"));
}

TEST(StepHook, ObservingChangesNothing) {
  for (const KernelPath path : test::kEveryPath) {
    std::vector<AlignedVector<float>> without;
    Recorder hook;
    for (StepHook* attached : {static_cast<StepHook*>(nullptr), static_cast<StepHook*>(&hook)}) {
      Network network = tiny_network();
      network.plan(kHookImages, path);
      network.feedforward(test::random_tensor(kHookImages, 1), true, attached);
      network.backpropagate(test::random_tensor({3, 3, 1, 1}, 2), attached);
      std::vector<AlignedVector<float>> gradients;
      for (const Parameter* parameter : network.parameters()) {
        gradients.push_back(parameter->gradient);
      }
      if (attached == nullptr) {
        without = gradients;
      } else {
        EXPECT_EQ(gradients, without) << to_string(path);
      }
    }
  }
}

/// Does one thing to one layer.
class Meddler : public StepHook {
 public:
  std::string phase;
  std::string layer;
  float value = 0;

  bool changes_outputs() const override { return phase == "FF"; }
  void feedforward(const ContractionLayer& at, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& Z) override {
    meddle("FF", at.name, Z.values());
  }
  void gradient(const ContractionLayer& at, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    meddle("dZ", at.name, dZ.values());
  }
  void backpropagation(const ContractionLayer& at, const Tensor& /*X*/, const WeightView& /*W*/, const Tensor& /*dZ*/,
                       Tensor& dX) override {
    meddle("BP", at.name, dX.values());
  }
  void weight_gradient(const ContractionLayer& at, const Tensor& /*X*/, const WeightView& /*W*/, const Tensor& /*dZ*/,
                       std::span<float> dW) override {
    meddle("WG", at.name, dW);
  }
  void batchnorm_backpropagation(const BatchNormLayer& at, const Tensor& /*Z*/, Tensor& dZ) override {
    meddle("BN BP", at.name, dZ.values());
  }

 private:
  void meddle(const char* at_phase, const std::string& at_layer, std::span<float> values) const {
    if (phase == at_phase && layer == at_layer) {
      std::fill(values.begin(), values.end(), value);
    }
  }
};

class Meddling : public testing::Test {
 protected:
  void run(const std::string& phase, const std::string& layer, float value) {
    network_ = tiny_network();
    network_.plan(kHookImages, KernelPath::automatic);
    hook_.phase = phase;
    hook_.layer = layer;
    hook_.value = value;
    logits_ = network_.feedforward(test::random_tensor(kHookImages, 1), true, &hook_).clone();
    network_.backpropagate(test::random_tensor({3, 3, 1, 1}, 2), &hook_);
  }
  const AlignedVector<float>& gradient(const std::string& name) {
    for (const Parameter* parameter : network_.parameters()) {
      if (parameter->name == name) {
        return parameter->gradient;
      }
    }
    throw std::logic_error("no parameter " + name);
  }
  bool all_are(std::span<const float> values, float wanted) {
    return std::ranges::all_of(values, [wanted](float value) { return value == wanted; });
  }
  /// Largest magnitude.
  float reach(const std::string& name) {
    return std::abs(*std::ranges::max_element(gradient(name), {}, [](float value) { return std::abs(value); }));
  }

  Network network_;
  Meddler hook_;
  Tensor logits_;
};

TEST_F(Meddling, AnOutputSetInFeedforwardIsWhatFollowsUses) {
  run("FF", "fc", 0.25F);  // before the bias
  const auto parameters = network_.parameters();
  const auto& bias = parameters.back()->value;
  for (int64_t k = 0; k < 3; ++k) {
    EXPECT_EQ(logits_.at(1, k, 0, 0), 0.25F + bias[static_cast<size_t>(k)]);
  }
  run("FF", "conv1", 2);  // a constant: BN makes beta = 0 of it, and nothing reaches conv2
  EXPECT_LT(reach("conv2.weight"), 1e-6);
  EXPECT_EQ(network_.buffers()[0]->value[0], 0.1F * 2);
}

TEST_F(Meddling, AGradientSetBeforeUseIsWhatBpAndWgUse) {
  run("dZ", "conv2", 0);
  EXPECT_TRUE(all_are(gradient("conv2.weight"), 0));
  EXPECT_GT(reach("conv1.weight"), 0) << "the shortcut still carries a gradient";
  run("dZ", "fc", 0);
  for (const char* name : {"fc.weight", "fc.bias", "bn2.weight", "conv2.weight", "bn1.bias", "conv1.weight"}) {
    EXPECT_TRUE(all_are(gradient(name), 0)) << name;
  }
}

TEST_F(Meddling, AnInputGradientIsWhatEarlierLayersUse) {
  run("BP", "conv2", 0);  // the sum with the shortcut's gradient
  EXPECT_GT(reach("conv2.weight"), 0);
  for (const char* name : {"bn1.weight", "bn1.bias", "conv1.weight"}) {
    EXPECT_TRUE(all_are(gradient(name), 0)) << name;
  }
  run("BN BP", "bn2", 0);
  EXPECT_TRUE(all_are(gradient("conv2.weight"), 0));
  EXPECT_GT(reach("bn2.weight"), 0);
}

TEST_F(Meddling, AWeightGradientIsWhatTheOptimiserFinds) {
  run("WG", "conv2", 5);
  EXPECT_TRUE(all_are(gradient("conv2.weight"), 5));
  EXPECT_LT(reach("conv1.weight"), 5);
}

}  // namespace
}  // namespace trainer
