#include "training/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "training/helpers.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing_helpers::parameter;

OptimizerOptions sgd(float momentum, bool nesterov, float decay) {
  OptimizerOptions options;
  options.momentum = momentum;
  options.nesterov = nesterov;
  options.weight_decay = decay;
  return options;
}

OptimizerOptions adamw(float decay) {
  OptimizerOptions options;
  options.name = "adamw";
  options.weight_decay = decay;
  return options;
}

void step(Optimizer& optimizer, Parameter& weight, float gradient, float rate) {
  std::fill(weight.gradient.begin(), weight.gradient.end(), gradient);
  optimizer.step(rate);
}

TEST(Sgd, PlainStep) {
  Parameter weight = parameter({1});
  const auto optimizer = make_optimizer(sgd(0, false, 0), {&weight});
  step(*optimizer, weight, 2, 0.25F);
  EXPECT_FLOAT_EQ(weight.value[0], 1 - 0.25F * 2);
  EXPECT_TRUE(optimizer->state().empty());
}

TEST(Sgd, DecayIsPartOfTheGradient) {
  Parameter weight = parameter({4});
  const auto optimizer = make_optimizer(sgd(0, false, 0.5F), {&weight});
  step(*optimizer, weight, 1, 0.25F);
  EXPECT_FLOAT_EQ(weight.value[0], 4 - 0.25F * (1 + 0.5F * 4));
}

TEST(Sgd, OnlyParametersThatDecayDo) {
  Parameter bias = parameter({4});
  bias.decays = false;
  const auto optimizer = make_optimizer(sgd(0.5F, false, 0.5F), {&bias});
  step(*optimizer, bias, 1, 0.25F);
  EXPECT_FLOAT_EQ(bias.value[0], 4 - 0.25F * 1);
}

TEST(Sgd, MomentumTwoSteps) {
  Parameter weight = parameter({1});
  const auto optimizer = make_optimizer(sgd(0.5F, false, 0), {&weight});
  step(*optimizer, weight, 2, 0.25F);  // m = 2,               w = 1 - 0.25*2 = 0.5
  step(*optimizer, weight, 4, 0.25F);  // m = 0.5*2 + 4 = 5,   w = 0.5 - 0.25*5 = -0.75
  EXPECT_FLOAT_EQ(weight.value[0], -0.75F);
  EXPECT_EQ(optimizer->state()[0].name, "momentum/weight");
  EXPECT_THAT(optimizer->state()[0].values, ElementsAre(5));
}

TEST(Sgd, NesterovTwoSteps) {
  Parameter weight = parameter({1});
  const auto optimizer = make_optimizer(sgd(0.5F, true, 0), {&weight});
  step(*optimizer, weight, 2, 0.25F);  // m = 2, g + 0.5 m = 3,   w = 1 - 0.75 = 0.25
  step(*optimizer, weight, 4, 0.25F);  // m = 5, g + 0.5 m = 6.5, w = 0.25 - 1.625 = -1.375
  EXPECT_FLOAT_EQ(weight.value[0], -1.375F);
}

TEST(AdamW, FirstStepIsTheRateWhateverTheGradient) {
  Parameter weight = parameter({1, 1, 1});
  const auto optimizer = make_optimizer(adamw(0), {&weight});
  weight.gradient = {1e-3F, 5, -200};
  optimizer->step(0.25F);
  EXPECT_THAT(weight.value, ElementsAre(FloatNear(0.75F, 1e-5F), FloatNear(0.75F, 1e-5F), FloatNear(1.25F, 1e-5F)));
}

TEST(AdamW, DecayIsDecoupledFromTheGradient) {
  Parameter weight = parameter({4});
  Parameter bias = parameter({4}, "bias");
  bias.decays = false;
  const auto optimizer = make_optimizer(adamw(0.5F), {&weight, &bias});
  optimizer->step(0.25F);
  EXPECT_FLOAT_EQ(weight.value[0], 4 * (1 - 0.25F * 0.5F));
  EXPECT_FLOAT_EQ(bias.value[0], 4);
}

TEST(Optimizer, TenStepsAsPyTorch) {
  std::ifstream file(TRAINER_TEST_DATA "/optimizers.json");
  const nlohmann::json gold = nlohmann::json::parse(file);
  ASSERT_EQ(gold["cases"].size(), 6U);
  for (const nlohmann::json& expected : gold["cases"]) {
    OptimizerOptions options;
    options.name = expected["optimizer"];
    options.momentum = expected["momentum"];
    options.nesterov = expected["nesterov"];
    options.beta1 = expected["beta1"];
    options.beta2 = expected["beta2"];
    options.epsilon = expected["epsilon"];
    options.weight_decay = expected["weight_decay"];
    SCOPED_TRACE(expected["optimizer"].get<std::string>() + " decay " + expected["weight_decay"].dump());
    Parameter weight = parameter(gold["start"].get<std::vector<float>>());
    const auto optimizer = make_optimizer(options, {&weight});
    for (size_t number = 0; number < 10; ++number) {
      for (size_t i = 0; i < weight.value.size(); ++i) {
        weight.gradient[i] = 0.5F * weight.value[i] + gold["inputs"][number][i].get<float>();
      }
      optimizer->step(gold["rate"]);
      for (size_t i = 0; i < weight.value.size(); ++i) {
        const auto value = expected["values"][number][i].get<float>();
        ASSERT_NEAR(weight.value[i], value, 2e-6F * std::max(1.0F, std::abs(value))) << "step " << number << ", " << i;
      }
    }
    EXPECT_EQ(optimizer->steps(), 10);
  }
}

TEST(Optimizer, GrownWeightsStartWithoutState) {
  for (const OptimizerOptions& options : {sgd(0.9F, false, 0), adamw(0)}) {
    SCOPED_TRACE(options.name);
    Parameter weight = testing_helpers::weight({1, 4}, {1, 1, 0, 0}, {1, 2});
    const auto optimizer = make_optimizer(options, {&weight});
    weight.gradient = {3, 4};
    optimizer->step(0.1F);
    std::vector<float> kept;
    for (const auto& array : optimizer->state()) {
      ASSERT_EQ(array.values.size(), 2U);  // nothing for the pruned ones
      EXPECT_NE(array.values[1], 0.0F);
      kept.push_back(array.values[1]);
    }

    const auto old = weight.pattern;
    weight.pattern = Pattern::from_mask(1, 4, std::vector<uint8_t>{0, 1, 0, 1});
    weight.value = carry_over(*old, weight.value, *weight.pattern, 0);
    optimizer->pattern_changed(0, *old);
    const auto state = optimizer->state();
    ASSERT_EQ(state.size(), kept.size());
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_EQ(state[i].parameter, 0U);
      EXPECT_THAT(state[i].values, ElementsAre(kept[i], 0.0F));
    }
  }
}

TEST(Optimizer, DoesNotDependOnThreads) {
  const int threads = thread_count();
  for (const OptimizerOptions& options : {sgd(0.9F, true, 0.01F), adamw(0.01F)}) {
    std::vector<AlignedVector<float>> results;
    for (const int count : {1, 2, 3}) {
      set_thread_count(count);
      Random random(7);
      Parameter weight = testing_helpers::random_weight(300, 500, 0.9, random);
      const auto optimizer = make_optimizer(options, {&weight});
      for (int number = 0; number < 3; ++number) {
        std::ranges::generate(weight.gradient, [&] { return random.normal(); });
        optimizer->step(0.1F);
      }
      results.push_back(weight.value);
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
  set_thread_count(threads);
}

TEST(Optimizer, RefusesWhatItCannotDo) {
  Parameter weight = parameter({1});
  const auto refused = [&](auto change) {
    OptimizerOptions options;
    change(options);
    EXPECT_THROW(make_optimizer(options, {&weight}), UsageError);
  };
  refused([](OptimizerOptions& options) { options.momentum = 1; });
  refused([](OptimizerOptions& options) { options.momentum = -0.1F; });
  refused([](OptimizerOptions& options) { options.momentum = NAN; });
  refused([](OptimizerOptions& options) { options.weight_decay = -1; });
  refused([](OptimizerOptions& options) { options.beta1 = 1; });
  refused([](OptimizerOptions& options) { options.beta2 = 1.5F; });
  refused([](OptimizerOptions& options) { options.epsilon = 0; });
  refused([](OptimizerOptions& options) {
    options.nesterov = true;
    options.momentum = 0;
  });
  OptimizerOptions unknown;
  unknown.name = "adam";
  try {
    make_optimizer(unknown, {&weight});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("unknown optimiser 'adam'; known: sgd, adamw"));
  }
}

}  // namespace
}  // namespace trainer
