// Networks that store FP16.

#include <gtest/gtest.h>

#include "kernels/elementwise/convert.h"
#include "network/graph.h"
#include "network/initialise.h"
#include "network/named/models.h"
#include "network/one_step.h"
#include "network/support.h"

namespace trainer {
namespace {

using test::Outcome;
using test::run;

const Shape kFormatImages = {5, 3, 16, 16};

Network make(const std::string& name) {
  Network network = make_model({name, 0.1, kFormatImages, 4, 1});
  test::prune_all(network, 0.3, 5);
  return network;
}

TEST(Format, Fp16IsNearFp32OnEveryPathAndNetwork) {
  struct Case {
    const char* model;
    Shape images;
    double logits;
    double gradients;
  };
  // Weights and values are rounded to 11 bits, some 20 to 50 times in a row, and gradients of early layers add up all
  // of it. With random weights the deeper mobilenet-v2 makes so much of small differences that its gradients have half
  // their norm in common at best, on any path: they are only held to point the same way.
  for (const Case& c : {Case{"resnet18", kFormatImages, 0.01, 0.15}, Case{"resnet20", kFormatImages, 0.01, 0.15},
                        Case{"mobilenet-v2", {8, 3, 32, 32}, 0.05, 1}}) {
    const auto network = [&c](KernelPath path, Format format) {
      Network made = make_model({c.model, 0.1, c.images, 4, 1});
      test::prune_all(made, 0.3, 5);
      made.plan(c.images, path, format);
      return made;
    };
    Network floats = network(KernelPath::automatic, Format::fp32);
    const Outcome expected = run(floats);
    for (const KernelPath path : test::kEveryPath) {
      Network halves = network(path, Format::fp16);
      EXPECT_EQ(halves.format(), Format::fp16);
      const Outcome result = run(halves);
      EXPECT_LT(test::norm_error(result.logits, expected.logits), c.logits) << c.model << " " << to_string(path);
      EXPECT_LT(test::norm_error(result.gradients, expected.gradients), c.gradients)
          << c.model << " " << to_string(path);
      EXPECT_NE(result.gradients, expected.gradients) << "nothing was rounded: " << c.model << " " << to_string(path);
    }
  }
}

/// Looks at what it is shown, and counts what is not an FP16 value.
class Looker : public StepHook {
 public:
  int64_t tensors = 0;
  int64_t unrounded = 0;

  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override {
    for (const float value : W.values) {
      unrounded += to_float(to_half(value)) != value ? 1 : 0;
    }
    look(X);
    if (!layer.is_linear) {
      look(Z);
    }
  }
  void gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& dZ) override {
    look(dZ);
  }
  void backpropagation(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& dX) override {
    if (!layer.is_linear) {
      look(dX);
    }
  }
  void batchnorm_backpropagation(const BatchNormLayer& /*layer*/, const Tensor& Z, Tensor& dZ) override {
    look(Z);
    look(dZ);
  }

 private:
  void look(const Tensor& tensor) {
    ++tensors;
    for (const float value : tensor.values()) {
      unrounded += to_float(to_half(value)) != value ? 1 : 0;
    }
  }
};

TEST(Format, HooksSeeTheStoredValuesAndChangeNothingByLooking) {
  for (const KernelPath path : {KernelPath::automatic, KernelPath::reference}) {
    Network network = make("resnet20");
    network.plan(kFormatImages, path, Format::fp16);
    const Outcome expected = run(network);
    Network seen = make("resnet20");
    seen.plan(kFormatImages, path, Format::fp16);
    Looker hook;
    EXPECT_EQ(run(seen, &hook), expected);
    EXPECT_GT(hook.tensors, 100);
    if (path == KernelPath::automatic) {
      EXPECT_EQ(hook.unrounded, 0);  // with copies around each layer, a hook sees results before they are rounded
    }
  }
}

/// Sets every value of one convolution's Z.
class Setter : public StepHook {
 public:
  void feedforward(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& Z) override {
    if (layer.name == "conv2") {
      Z.fill(3);
    }
  }
};

TEST(Format, WhatAHookLeavesIsStored) {
  Network network;
  const int first = test::convolution(network, "conv1", Network::kInput, 3, 4);
  const int second = test::convolution(network, "conv2", first, 4, 4);
  test::linear(network, "fc", test::global_average(network, "pool", second), 4, 2);
  initialise(network, 1);
  network.plan(kFormatImages, KernelPath::automatic, Format::fp16);
  Setter hook;
  const Tensor& logits = network.feedforward(test::random_tensor(kFormatImages, 2), true, &hook);
  const auto parameters = network.parameters();
  const Parameter& weight = *parameters[parameters.size() - 2];
  for (int64_t k = 0; k < 2; ++k) {
    float expected = parameters.back()->value[static_cast<size_t>(k)];
    for (size_t c = 0; c < 4; ++c) {
      expected += 3 * to_float(to_half(weight.value[static_cast<size_t>(4 * k) + c]));
    }
    EXPECT_FLOAT_EQ(logits.at(1, k, 0, 0), expected);
  }
}

TEST(Format, ConvolutionsWithABiasWork) {
  const auto with_bias = [] {
    Network network;
    const int first = test::relu(network, "relu", test::convolution(network, "conv1", Network::kInput, 3, 8, 3, true));
    test::linear(network, "fc", test::global_average(network, "pool", first), 8, 2);
    initialise(network, 1);
    for (Parameter* parameter : network.parameters()) {
      if (!parameter->is_weight) {
        std::fill(parameter->value.begin(), parameter->value.end(), 0.3F);
      }
    }
    return network;
  };
  Network floats = with_bias();
  floats.plan(kFormatImages, KernelPath::automatic);
  const Outcome expected = run(floats);
  Network halves = with_bias();
  halves.plan(kFormatImages, KernelPath::automatic, Format::fp16);
  const Outcome result = run(halves);
  EXPECT_LT(test::norm_error(result.logits, expected.logits), 1e-3);
  EXPECT_LT(test::norm_error(result.gradients, expected.gradients), 5e-3);
}

}  // namespace
}  // namespace trainer
