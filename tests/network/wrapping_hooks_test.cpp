// Hooks that stand before another one pass every call on.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "network/fp32_hook.h"
#include "network/quantising_hook.h"

namespace trainer {
namespace {

class Listener : public StepHook {
 public:
  std::vector<std::string> calls;

  void begin_step(int64_t step) override { calls.push_back("begin_step " + std::to_string(step)); }
  void rectification(const ContractionLayer& /*layer*/, const Rectification& after) override {
    calls.push_back("rectification " + std::to_string(after.gamma.size()));
  }
  Tensor* estimate(const ContractionLayer& /*layer*/) override {
    calls.emplace_back("estimate");
    return nullptr;
  }
  void rectified(const ContractionLayer& /*layer*/, Tensor& /*A*/) override { calls.emplace_back("rectified"); }
  void gradient_dropped(const ContractionLayer& /*layer*/) override { calls.emplace_back("gradient_dropped"); }
  void outputs_skipped(const ContractionLayer& /*layer*/, const SkippedOutputs& skipped) override {
    calls.push_back("outputs_skipped " + std::to_string(skipped.audited));
  }
  void feedforward(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                   Tensor& /*Z*/) override {
    calls.emplace_back("feedforward");
  }
  void gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                Tensor& /*dZ*/) override {
    calls.emplace_back("gradient");
  }
  void backpropagation(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, Tensor& /*dX*/) override {
    calls.emplace_back("backpropagation");
  }
  void weight_gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, std::span<float> /*dW*/) override {
    calls.emplace_back("weight_gradient");
  }
  void batchnorm_feedforward(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/) override {
    calls.emplace_back("batchnorm_feedforward");
  }
  void batchnorm_backpropagation(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/, Tensor& /*dZ*/) override {
    calls.emplace_back("batchnorm_backpropagation");
  }
  void update(std::span<Parameter* const> /*parameters*/) override { calls.emplace_back("update"); }
  void end_step() override { calls.emplace_back("end_step"); }
};

/// Every call there is.
void call_all(StepHook& hook) {
  ContractionLayer contraction;
  contraction.index = 1;
  BatchNormLayer batchnorm;
  batchnorm.index = 1;
  const auto pattern = std::shared_ptr<const Pattern>(Pattern::full(1, 1));
  const std::vector<float> weight = {1};
  const WeightView W{pattern, weight};
  Tensor X({1, 1, 1, 1});
  Tensor Z({1, 1, 1, 1});
  std::vector<float> dW = {0};
  SkippedOutputs skipped;
  skipped.audited = 7;
  hook.begin_step(3);
  hook.rectification(contraction, {.gamma = weight, .beta = weight});
  hook.estimate(contraction);
  hook.outputs_skipped(contraction, skipped);
  hook.feedforward(contraction, X, W, Z);
  hook.batchnorm_feedforward(batchnorm, Z);
  hook.rectified(contraction, Z);
  hook.batchnorm_backpropagation(batchnorm, Z, Z);
  hook.gradient_dropped(contraction);
  hook.gradient(contraction, X, W, Z);
  hook.weight_gradient(contraction, X, W, Z, dW);
  hook.backpropagation(contraction, X, W, Z, X);
  hook.update({});
  hook.end_step();
}

const std::vector<std::string> kCalls = {"begin_step 3",     "rectification 1",
                                         "estimate",         "outputs_skipped 7",
                                         "feedforward",      "batchnorm_feedforward",
                                         "rectified",        "batchnorm_backpropagation",
                                         "gradient_dropped", "gradient",
                                         "weight_gradient",  "backpropagation",
                                         "update",           "end_step"};

TEST(WrappingHooks, TheOneThatShowsFp32PassesEveryCallOn) {
  Listener listener;
  Fp32Hook hook;
  hook.forward_to(&listener);
  call_all(hook);
  EXPECT_EQ(listener.calls, kCalls);
}

TEST(WrappingHooks, TheOneThatRoundsPassesEveryCallOn) {
  Listener listener;
  Quantiser quantiser(Precision::fp8(), 2);
  QuantisingHook hook(quantiser, {{false, -1}, {true, 0}});
  hook.show(&listener, true);
  call_all(hook);
  EXPECT_EQ(listener.calls, kCalls);
  hook.show(nullptr, true);
  call_all(hook);
  EXPECT_EQ(listener.calls, kCalls);
}

}  // namespace
}  // namespace trainer
