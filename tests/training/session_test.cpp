#include "training/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/parallel.h"
#include "training/small_network.h"

namespace trainer {
namespace {

class Session : public testing_helpers::OneThread {};

using testing::ElementsAre;
using testing::HasSubstr;
using testing_helpers::small_batch;
using testing_helpers::small_network;
using testing_helpers::small_run;
using testing_helpers::snapshot;
using testing_helpers::train;

/// Notes what is called.
class Recorder final : public StepHook {
 public:
  void begin_step(int64_t step) override { note("begin " + std::to_string(step)); }
  void feedforward(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                   Tensor& /*Z*/) override {
    note("FF");
  }
  void weight_gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                       const Tensor& /*dZ*/, std::span<float> /*dW*/) override {
    note("WG");
  }
  void update(std::span<Parameter* const> parameters) override {
    note("update of " + std::to_string(parameters.size()));
  }
  void end_step() override { note("end"); }

  std::vector<std::string> take() { return std::exchange(events_, {}); }

 private:
  void note(const std::string& event) {
    if (events_.empty() || events_.back() != event) {
      events_.push_back(event);
    }
  }
  std::vector<std::string> events_;
};

std::vector<int64_t> steps_that_change_the_mask(const TrainingOptions& options) {
  Network network = small_network(1);
  TrainingSession session(network, options);
  std::vector<int64_t> steps;
  for (int64_t step = 0; step < options.schedule.total_steps; ++step) {
    if (session.step(small_batch(step)).mask_changed) {
      steps.push_back(step);
    }
  }
  return steps;
}

TEST_F(Session, CallsTheHookInOrder) {
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 100));
  Recorder recorder;
  session.step(small_batch(0), &recorder);
  const std::string update = "update of " + std::to_string(network.parameters().size());
  EXPECT_THAT(recorder.take(), ElementsAre("begin 0", "FF", "WG", update, "end"));
  EXPECT_TRUE(session.step(small_batch(1), &recorder).mask_changed);
  EXPECT_THAT(recorder.take(), ElementsAre("begin 1", "FF", "WG", update, "end"));
}

TEST_F(Session, NothingHoldsAMaskThatHasChanged) {
  Network network = small_network(1);
  TrainingSession session(network, small_run("set", 100));
  session.step(small_batch(0));
  std::vector<std::weak_ptr<const Pattern>> old;
  for (const Parameter* parameter : network.parameters()) {
    if (parameter->is_weight && !parameter->pattern->is_full()) {
      old.emplace_back(parameter->pattern);
    }
  }
  ASSERT_FALSE(old.empty());
  ASSERT_TRUE(session.step(small_batch(1)).mask_changed);
  for (const std::weak_ptr<const Pattern>& pattern : old) {
    EXPECT_TRUE(pattern.expired());
  }
}

TEST_F(Session, ReportsTheStep) {
  Network network = small_network(1);
  TrainingOptions options = small_run("static", 10);
  options.schedule.warmup_steps = 2;
  TrainingSession session(network, options);
  EXPECT_EQ(session.steps_done(), 0);
  Batch batch = small_batch(0);
  batch.labels.resize(6);  // the last two are padding
  const StepResult first = session.step(batch);
  EXPECT_EQ(first.step, 0);
  EXPECT_EQ(first.images, 6);
  EXPECT_FLOAT_EQ(first.learning_rate, 0.025F);
  EXPECT_GT(first.loss, 0);
  EXPECT_FALSE(first.mask_changed);
  EXPECT_EQ(session.step(small_batch(1)).step, 1);
  EXPECT_EQ(session.steps_done(), 2);
}

TEST_F(Session, LearnsWithEveryMethod) {
  for (const char* method : {"set", "rigl", "gradual", "static"}) {
    for (const char* optimizer : {"sgd", "adamw"}) {
      SCOPED_TRACE(std::string(method) + " " + optimizer);
      Network network = small_network(2, KernelPath::automatic);
      TrainingOptions options = small_run(method, 60, optimizer);
      options.pruning.update_interval = 10;
      TrainingSession session(network, options);
      // Four batches again and again: the loss over them at first, and at the end.
      double first = 0;
      double last = 0;
      for (int64_t step = 0; step < 60; ++step) {
        const double loss = session.step(small_batch(step % 4)).loss;
        (step < 4 ? first : last) += step < 4 || step >= 56 ? loss : 0;
      }
      EXPECT_LT(last, 0.7 * first);
    }
  }
}

TEST_F(Session, StartsAtTheSparsityAskedForAndStays) {
  for (const char* method : {"set", "rigl", "static"}) {
    Network network = small_network(1);
    TrainingSession session(network, small_run(method, 20));
    const double start = session.weight_sparsity();
    EXPECT_NEAR(start, 0.8, 1e-4);
    std::vector<int64_t> unpruned;
    for (const Parameter* parameter : network.parameters()) {
      unpruned.push_back(parameter->pattern->nonzeros());
    }
    train(session, 20);
    EXPECT_EQ(session.weight_sparsity(), start);
    size_t index = 0;
    for (const Parameter* parameter : network.parameters()) {
      EXPECT_EQ(parameter->pattern->nonzeros(), unpruned[index++]) << parameter->name;
      EXPECT_EQ(parameter->value.size(), static_cast<size_t>(parameter->pattern->nonzeros()));
      EXPECT_EQ(parameter->gradient.size(), parameter->value.size());
      if (!parameter->is_weight) {
        EXPECT_TRUE(parameter->pattern->is_full());
      }
    }
    EXPECT_TRUE(network.parameters().front()->pattern->is_full()) << "the first convolution stays dense";
  }
}

TEST_F(Session, GradualStartsDenseAndEndsAtTheSparsity) {
  Network network = small_network(1);
  TrainingOptions options = small_run("gradual", 20);
  options.pruning.update_interval = 3;
  TrainingSession session(network, options);
  EXPECT_EQ(session.weight_sparsity(), 0);
  double before = 0;
  for (int64_t step = 0; step < 20; ++step) {
    session.step(small_batch(step));
    EXPECT_GE(session.weight_sparsity(), before);
    before = session.weight_sparsity();
    if (step >= 14) {  // 15 of 20 steps done: stop_at = 0.75
      EXPECT_NEAR(before, 0.8, 1e-4);
    } else {
      EXPECT_LT(before, 0.8);
    }
  }
}

TEST_F(Session, ChangesTheMaskWhenItIsTime) {
  // Twelve steps, every second one until 6 are done: after steps 1 and 3. After step 5, half of the run is done.
  TrainingOptions options = small_run("set", 12);
  options.pruning.stop_at = 0.5;
  EXPECT_THAT(steps_that_change_the_mask(options), ElementsAre(1, 3));
  options.pruning.method = "rigl";
  EXPECT_THAT(steps_that_change_the_mask(options), ElementsAre(1, 3));
  options.pruning.method = "static";
  EXPECT_THAT(steps_that_change_the_mask(options), ElementsAre());
  options.pruning.method = "gradual";  // is at its target once half of the run is done
  EXPECT_THAT(steps_that_change_the_mask(options), ElementsAre(1, 3, 5));
  options.pruning.update_interval = 1000;
  EXPECT_THAT(steps_that_change_the_mask(options), ElementsAre(5));
}

TEST_F(Session, SparsityZeroIsDenseTrainingWhateverTheMethod) {
  std::vector<testing_helpers::Snapshot> results;
  for (const char* method : {"set", "rigl", "gradual", "static"}) {
    Network network = small_network(1);
    TrainingOptions options = small_run(method, 6);
    options.pruning.sparsity = 0;
    TrainingSession session(network, options);
    train(session, 6);
    EXPECT_EQ(session.weight_sparsity(), 0);
    for (const Parameter* parameter : network.parameters()) {
      EXPECT_TRUE(parameter->pattern->is_full());
    }
    results.push_back(snapshot(session));
  }
  for (const auto& result : results) {
    EXPECT_EQ(result, results.front());
  }
}

TEST_F(Session, RigLUsesTheGradientOfAMaskStepForGrowingAlone) {
  Network network = small_network(1);
  TrainingSession session(network, small_run("rigl", 20));
  session.step(small_batch(0));
  std::vector<std::shared_ptr<const Pattern>> patterns;
  std::vector<AlignedVector<float>> values;
  for (const Parameter* parameter : network.parameters()) {
    patterns.push_back(parameter->pattern);
    values.push_back(parameter->value);
  }
  Recorder recorder;
  EXPECT_TRUE(session.step(small_batch(1), &recorder).mask_changed);
  EXPECT_THAT(recorder.take(), ElementsAre("begin 1", "FF", "WG", "end"));
  EXPECT_EQ(session.optimizer().steps(), 1);
  size_t index = 0;
  for (const Parameter* parameter : network.parameters()) {
    EXPECT_EQ(parameter->value, carry_over(*patterns[index], values[index], *parameter->pattern, 0)) << parameter->name;
    ++index;
  }
  session.step(small_batch(2), &recorder);
  EXPECT_THAT(recorder.take(), testing::Contains(HasSubstr("update")));
}

TEST_F(Session, RigLGrowsWhereTheGradientOfTheLossIsLargest) {
  // The same step once more by hand: the dense gradient of the loss at the weights before the mask changes.
  Network network = small_network(1);
  TrainingSession session(network, small_run("rigl", 20));
  session.step(small_batch(0));

  Network twin = small_network(1);
  TrainingOptions still = small_run("rigl", 20);
  still.pruning.update_interval = 1000;
  TrainingSession twin_session(twin, still);
  twin_session.step(small_batch(0));
  ASSERT_EQ(snapshot(session), snapshot(twin_session));
  for (const Parameter* parameter : twin.parameters()) {
    if (parameter->is_weight) {
      twin.request_dense_gradient(*parameter);
    }
  }
  twin_session.step(small_batch(1));
  session.step(small_batch(1));

  size_t index = 0;
  int grown = 0;
  for (const Parameter* parameter : network.parameters()) {
    const Parameter& before = *twin.parameters()[index++];
    if (before.pattern->is_full()) {
      continue;
    }
    const std::span<const float> gradient = twin.dense_gradient(before);
    const auto old_mask = before.pattern->mask();
    const auto new_mask = parameter->pattern->mask();
    float smallest_grown = INFINITY;
    float largest_pruned = 0;
    for (size_t i = 0; i < new_mask.size(); ++i) {
      if (new_mask[i] == 0) {
        largest_pruned = std::max(largest_pruned, std::abs(gradient[i]));
      } else if (old_mask[i] == 0) {
        smallest_grown = std::min(smallest_grown, std::abs(gradient[i]));
        ++grown;
      }
    }
    EXPECT_GE(smallest_grown, largest_pruned) << parameter->name;
  }
  EXPECT_GT(grown, 50);
}

TEST_F(Session, GrownWeightsStartWithoutValueAndWithoutMomentum) {
  for (const char* optimizer : {"sgd", "adamw"}) {
    Network network = small_network(1);
    TrainingSession session(network, small_run("set", 20, optimizer));
    session.step(small_batch(0));
    std::vector<std::vector<uint8_t>> before;
    for (const Parameter* parameter : network.parameters()) {
      before.push_back(parameter->pattern->mask());
    }
    session.step(small_batch(1));
    int64_t grown = 0;
    for (const auto& array : session.optimizer().state()) {
      const Parameter& parameter = *network.parameters()[array.parameter];
      ASSERT_EQ(array.values.size(), static_cast<size_t>(parameter.pattern->nonzeros())) << array.name;
      const auto mask = parameter.pattern->mask();
      size_t value = 0;
      for (size_t position = 0; position < mask.size(); ++position) {
        if (mask[position] != 0 && before[array.parameter][position] == 0) {
          EXPECT_EQ(array.values[value], 0.0F);
          EXPECT_EQ(parameter.value[value], 0.0F);
          ++grown;
        }
        value += mask[position];
      }
    }
    EXPECT_GT(grown, 50);
  }
}

TEST_F(Session, DoesNotDependOnThreads) {
  for (const char* method : {"set", "rigl"}) {
    std::vector<testing_helpers::Snapshot> results;
    for (const int count : {1, 2, 3}) {
      set_thread_count(count);
      Network network = small_network(1, KernelPath::automatic);
      TrainingSession session(network, small_run(method, 8));
      train(session, 8);
      results.push_back(snapshot(session));
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST_F(Session, TheSeedChoosesTheMask) {
  const auto masks = [](uint64_t seed) {
    Network network = small_network(1);
    TrainingOptions options = small_run("static", 1);
    options.seed = seed;
    TrainingSession session(network, options);
    return snapshot(session).masks;
  };
  EXPECT_EQ(masks(1), masks(1));
  EXPECT_NE(masks(1), masks(2));
}

TEST_F(Session, DivergenceNamesTheStep) {
  Network network = small_network(1);
  TrainingOptions options = small_run("set", 100);
  options.schedule.rate = 1e30F;
  TrainingSession session(network, options);
  try {
    train(session, 100);
    FAIL() << "such a rate must diverge";
  } catch (const SystemFailure& failure) {
    EXPECT_THAT(failure.what(), HasSubstr("the loss of step " + std::to_string(session.steps_done()) + " is"));
    EXPECT_THAT(failure.what(), HasSubstr("lower --lr"));
  }
}

TEST_F(Session, RefusesWhatItCannotDo) {
  Network network = small_network(1);
  const auto refused = [&](auto alter) {
    TrainingOptions options = small_run("set", 10);
    alter(options);
    EXPECT_THROW(TrainingSession(network, options), UsageError);
  };
  refused([](TrainingOptions& options) { options.label_smoothing = 1; });
  refused([](TrainingOptions& options) { options.optimizer.name = "lion"; });
  refused([](TrainingOptions& options) { options.schedule.name = "triangle"; });
  refused([](TrainingOptions& options) { options.pruning.method = "magic"; });
  refused([](TrainingOptions& options) { options.pruning.sparsity = 0.9999; });
  TrainingSession session(network, small_run("set", 10));
  Batch batch = small_batch(0);
  batch.labels[3] = 5;
  EXPECT_THROW(session.step(batch), UsageError);
}

}  // namespace
}  // namespace trainer
