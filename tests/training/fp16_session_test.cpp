// Training on a network that stores FP16.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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

class Fp16Session : public testing_helpers::OneThread {};

Network fp16_network(uint64_t seed) { return small_network(seed, KernelPath::automatic, Format::fp16); }

TEST_F(Fp16Session, Learns) {
  Network network = fp16_network(1);
  TrainingSession session(network, small_run("set", 60));
  double first = 0;
  double last = 0;
  for (int64_t step = 0; step < 60; ++step) {
    const StepResult result = session.step(small_batch(step));
    EXPECT_FALSE(result.overflowed) << step;
    (step < 10 ? first : last) += step < 10 || step >= 50 ? result.loss : 0;
  }
  EXPECT_LT(last, 0.6 * first);
  EXPECT_EQ(session.loss_scale().value(), 65536);
}

TEST_F(Fp16Session, AStepThatOverflowsChangesOnlyTheScaleAndTheStatistics) {
  for (const char* method : {"set", "rigl"}) {
    Network network = fp16_network(1);
    TrainingSession session(network, small_run(method, 12));
    train(session, 5);
    const auto before = snapshot(session);
    session.loss_scale().restore(0x1p100F, 7);
    const StepResult result = session.step(small_batch(5));  // one whose mask was to change
    EXPECT_TRUE(result.overflowed);
    EXPECT_FALSE(result.mask_changed);
    EXPECT_EQ(session.loss_scale().value(), 0x1p99F);
    const auto after = snapshot(session);
    EXPECT_EQ(after.steps, before.steps + 1);
    EXPECT_EQ(after.optimizer_steps, before.optimizer_steps);
    EXPECT_EQ(after.masks, before.masks);
    for (const auto& [name, values] : before.arrays) {
      if (name.find("running") == std::string::npos) {
        EXPECT_EQ(after.arrays.at(name), values) << name;
      }
    }
  }
}

TEST_F(Fp16Session, ARunThatIsResumedEqualsOneThatWasNot) {
  const ScratchFolder folder;
  const auto file = folder.path() / "checkpoint";
  const TrainingOptions options = small_run("set", 12);
  Network whole_network = fp16_network(1);
  TrainingSession whole(whole_network, options);
  whole.loss_scale().restore(1024, 1995);  // doubles on the way
  train(whole, 5);
  save_checkpoint(file, whole, {});
  train(whole, 12);
  EXPECT_EQ(whole.loss_scale().value(), 2048);

  Network network = fp16_network(3);
  TrainingSession resumed(network, options);
  load_checkpoint(file, resumed);
  train(resumed, 12);
  EXPECT_EQ(snapshot(resumed), snapshot(whole));
  EXPECT_EQ(resumed.loss_scale().value(), whole.loss_scale().value());
  EXPECT_EQ(resumed.loss_scale().steps_since_change(), whole.loss_scale().steps_since_change());
}

TEST_F(Fp16Session, DoesNotDependOnThreads) {
  const auto run = [](int threads) {
    set_thread_count(threads);
    Network network = fp16_network(1);
    TrainingSession session(network, small_run("set", 6));
    train(session, 6);
    return snapshot(session);
  };
  EXPECT_EQ(run(3), run(1));
}

}  // namespace
}  // namespace trainer
