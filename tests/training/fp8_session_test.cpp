// Training with FP8 operands.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "network/quantiser.h"
#include "training/checkpoint.h"
#include "training/scratch_folder.h"
#include "training/small_network.h"

namespace trainer {
namespace {

using testing_helpers::ScratchFolder;
using testing_helpers::small_batch;
using testing_helpers::small_network;
using testing_helpers::small_run;
using testing_helpers::snapshot;
using testing_helpers::train;

class Fp8Session : public testing_helpers::OneThread {};

Network fp8_network(uint64_t seed) { return small_network(seed, KernelPath::automatic, Precision::fp8()); }

std::vector<float> history(TrainingSession& session) {
  const auto magnitudes = session.network().quantiser()->history();
  return {magnitudes.begin(), magnitudes.end()};
}

TEST_F(Fp8Session, Learns) {
  for (const Precision& precision : {Precision::fp8(), Precision::fp8(parse_float8("e3m4"), kE4M3)}) {
    Network network = small_network(1, KernelPath::automatic, precision);
    TrainingSession session(network, small_run("set", 60));
    double first = 0;
    double last = 0;
    for (int64_t step = 0; step < 60; ++step) {
      const StepResult result = session.step(small_batch(step));
      EXPECT_FALSE(result.overflowed) << step;
      (step < 10 ? first : last) += step < 10 || step >= 50 ? result.loss : 0;
    }
    EXPECT_LT(last, 0.7 * first);
    EXPECT_EQ(session.loss_scale().value(), 65536);
  }
}

TEST_F(Fp8Session, TheMasterWeightsAreFp32) {
  Network network = fp8_network(1);
  TrainingSession session(network, small_run("set", 12));
  train(session, 6);
  const Parameter& weight = *network.parameters().front();
  std::vector<float> rounded(weight.value.size());
  network.precision().round_weights(weight.value, rounded);
  EXPECT_FALSE(std::ranges::equal(rounded, weight.value));
}

TEST_F(Fp8Session, StepsThatOverflowChangeOnlyTheLossScaleAndTheStatistics) {
  for (const char* method : {"set", "rigl"}) {
    Network network = fp8_network(1);
    TrainingSession session(network, small_run(method, 24));
    train(session, 5);
    const auto before = snapshot(session);
    const auto magnitudes = history(session);
    session.loss_scale().restore(0x1p127F, 7);
    const StepResult result = session.step(small_batch(5));  // one whose mask was to change
    EXPECT_TRUE(result.overflowed);
    EXPECT_FALSE(result.mask_changed);
    EXPECT_EQ(session.loss_scale().value(), 0x1p126F);
    const auto after = snapshot(session);
    EXPECT_EQ(after.steps, before.steps + 1);
    EXPECT_EQ(after.optimizer_steps, before.optimizer_steps);
    EXPECT_EQ(after.masks, before.masks);
    EXPECT_EQ(history(session), magnitudes);
    for (const auto& [name, values] : before.arrays) {
      if (name.find("running") == std::string::npos) {
        EXPECT_EQ(after.arrays.at(name), values) << name;
      }
    }
    session.loss_scale().restore(65536, 0);
    for (int64_t step = 6; step < 12; ++step) {
      EXPECT_FALSE(session.step(small_batch(step)).overflowed) << step;
    }
    EXPECT_NE(snapshot(session).arrays, after.arrays);
  }
}

TEST_F(Fp8Session, ARunThatIsResumedEqualsOneThatWasNot) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  const TrainingOptions options = small_run("set", 24);
  Network whole_network = fp8_network(1);
  TrainingSession whole(whole_network, options);
  train(whole, 5);
  save_checkpoint(file, whole, {});
  train(whole, 24);  // past the history's length

  Network network = fp8_network(3);
  TrainingSession resumed(network, options);
  train(resumed, 2);  // magnitudes of its own, which must go
  load_checkpoint(file, resumed);
  train(resumed, 24);
  EXPECT_EQ(snapshot(resumed), snapshot(whole));
  EXPECT_EQ(history(resumed), history(whole));
}

TEST_F(Fp8Session, CheckpointsAreForAllPrecisions) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  const TrainingOptions options = small_run("set", 12);
  Network network = fp8_network(1);
  TrainingSession session(network, options);
  train(session, 3);
  save_checkpoint(file, session, {});
  Network floats_network = small_network(2);
  TrainingSession floats(floats_network, options);
  load_checkpoint(file, floats);
  EXPECT_EQ(snapshot(floats), snapshot(session));

  save_checkpoint(file, floats, {});
  Network again_network = fp8_network(5);
  TrainingSession again(again_network, options);
  load_checkpoint(file, again);
  EXPECT_EQ(snapshot(again), snapshot(session));
}

TEST_F(Fp8Session, DoesNotDependOnThreads) {
  const auto run = [](int threads) {
    set_thread_count(threads);
    Network network = fp8_network(1);
    TrainingSession session(network, small_run("set", 6));
    train(session, 6);
    return std::make_pair(snapshot(session), history(session));
  };
  EXPECT_EQ(run(3), run(1));
}

}  // namespace
}  // namespace trainer
