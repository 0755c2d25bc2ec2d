// Networks with FP8 operands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "network/graph.h"
#include "network/initialise.h"
#include "network/named/models.h"
#include "network/one_step.h"
#include "network/quantiser.h"
#include "network/support.h"

namespace trainer {
namespace {

using test::Outcome;
using test::run;

const Shape kFp8Images = {5, 3, 16, 16};

Network make(const std::string& name, KernelPath path, const Precision& precision) {
  Network network = make_model({name, 0.1, kFp8Images, 4, 1});
  test::prune_all(network, 0.3, 5);
  network.plan(kFp8Images, path, precision);
  return network;
}

/// Whether all values are a format's times one power of two.
bool fits(const FloatFormat& format, std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    largest = std::max(largest, std::abs(value));
  }
  // A scale that fits earlier values may be larger than the smallest possible one.
  for (int more = 0; more < 8; ++more) {
    ScaledFormat scaled = scaled_for(format, largest);
    scaled.scale += more;
    if (std::ranges::all_of(values, [&](float value) { return round_to(scaled, value) == value; })) {
      return true;
    }
  }
  return false;
}

/// Notes the layers at which something is not a value of its format.
class Fp8Looker : public StepHook {
 public:
  explicit Fp8Looker(const Precision& precision) : precision_(precision) {}
  int64_t tensors = 0;
  std::set<std::string> unrounded;

  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    look(layer.name + " X", precision_.forward, X.values());
    look(layer.name + " W", precision_.forward, W.values);
    if (!layer.is_linear) {
      look(layer.name + " Z", precision_.forward, Z.values());
    }
  }
  void gradient(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    look(layer.name + " dZ", precision_.gradient, dZ.values());
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& W, const Tensor& /*dZ*/,
                       Tensor& dX) override {
    look(layer.name + " W", precision_.forward, W.values);
    look(layer.name + " dX", precision_.gradient, dX.values());
  }
  void batchnorm_backpropagation(const BatchNormLayer& layer, const Tensor& Z, Tensor& dZ) override {
    look(layer.name + " Z", precision_.forward, Z.values());
    look(layer.name + " dZ", precision_.gradient, dZ.values());
  }

 private:
  void look(const std::string& what, const FloatFormat& format, std::span<const float> values) {
    ++tensors;
    if (!fits(format, values)) {
      unrounded.insert(what);
    }
  }

  Precision precision_;
};

TEST(Fp8, EveryOperandThatAHookSeesIsAValueOfTheFormat) {
  for (const Precision& precision : {Precision::fp8(), Precision::fp8(parse_float8("e3m4"), kE4M3)}) {
    for (const char* model : {"resnet18", "resnet20", "mobilenet-v2"}) {
      for (const KernelPath path : {KernelPath::automatic, KernelPath::reference}) {
        Network network = make(model, path, precision);
        const Outcome first = run(network);
        const Outcome second = run(network);
        Network seen = make(model, path, precision);
        Fp8Looker hook(precision);
        EXPECT_EQ(run(seen, &hook), first) << model;
        EXPECT_EQ(run(seen, &hook), second) << model;
        EXPECT_GT(hook.tensors, 200) << model;
        EXPECT_THAT(hook.unrounded, testing::IsEmpty()) << model << " " << to_string(path);
      }
    }
  }
}

TEST(Fp8, IsNearFp32) {
  Network floats = make("resnet18", KernelPath::automatic, {});
  const Outcome expected = run(floats);
  for (const KernelPath path : test::kEveryPath) {
    Network network = make("resnet18", path, Precision::fp8());
    EXPECT_EQ(network.format(), Format::fp32);
    EXPECT_EQ(network.precision().kind, Precision::Kind::fp8);
    const Outcome result = run(network);
    EXPECT_LT(test::norm_error(result.logits, expected.logits), 0.3) << to_string(path);
    EXPECT_GT(test::norm_error(result.logits, expected.logits), 0.003) << "nothing was rounded: " << to_string(path);
    EXPECT_LT(test::norm_error(result.gradients, expected.gradients), 1) << to_string(path);
  }
}

TEST(Fp8, MoreBitsOfMantissaAreNearer) {
  Network floats = make("resnet18", KernelPath::automatic, {});
  const Outcome expected = run(floats);
  double before = 1;
  for (const char* format : {"e5m2", "e4m3", "e3m4"}) {
    Network network = make("resnet18", KernelPath::automatic, Precision::fp8(parse_float8(format), kE5M2));
    const double error = test::norm_error(run(network).logits, expected.logits);
    EXPECT_LT(error, before) << format;
    before = error;
  }
}

TEST(Fp8, BiasesAreAddedBeforeRounding) {
  Network network;
  const int first = test::convolution(network, "conv1", Network::kInput, 3, 8, 3, true);
  const int second = test::convolution(network, "conv2", first, 8, 4);
  test::linear(network, "fc", test::global_average(network, "pool", second), 4, 2);
  initialise(network, 1);
  for (Parameter* parameter : network.parameters()) {
    if (!parameter->is_weight) {
      std::fill(parameter->value.begin(), parameter->value.end(), 0.3F);
    }
  }
  network.plan(kFp8Images, KernelPath::automatic, Precision::fp8());
  class Biased : public StepHook {
   public:
    void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& /*W*/, Tensor& Z) override {
      if (layer.name == "conv1") {
        sums.assign(Z.values().begin(), Z.values().end());
      }
      if (layer.name == "conv2") {
        inputs.assign(X.values().begin(), X.values().end());
      }
    }
    std::vector<float> sums;
    std::vector<float> inputs;
  } hook;
  network.feedforward(test::random_tensor(kFp8Images, 2), true, &hook);
  for (float& sum : hook.sums) {
    sum += 0.3F;
  }
  float largest = 0;
  for (const float sum : hook.sums) {
    largest = std::max(largest, std::abs(sum));
  }
  for (size_t i = 0; i < hook.sums.size(); ++i) {
    ASSERT_EQ(hook.inputs[i], round_to(scaled_for(kE4M3, largest), hook.sums[i])) << i;
  }
}

TEST(Fp8, ScalesSurviveAnotherPlan) {
  Network network = make("resnet20", KernelPath::automatic, Precision::fp8());
  run(network);
  const std::vector<float> history(network.quantiser()->history().begin(), network.quantiser()->history().end());
  EXPECT_GT(std::ranges::max(history), 0);
  network.plan({3, 3, 16, 16}, KernelPath::automatic, Precision::fp8());
  EXPECT_TRUE(std::ranges::equal(network.quantiser()->history(), history));
  network.plan(kFp8Images, KernelPath::automatic);
  EXPECT_EQ(network.quantiser(), nullptr);
}

}  // namespace
}  // namespace trainer
