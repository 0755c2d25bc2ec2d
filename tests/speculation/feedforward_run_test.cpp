// Training with speculation of FF, on a small network.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "speculation/feedforward_hook.h"
#include "training/small_network.h"

namespace trainer {
namespace {

using test::FeedforwardHook;
using testing_helpers::small_batch;
using testing_helpers::small_network;
using testing_helpers::small_run;
using testing_helpers::snapshot;

class SpeculatedRun : public testing_helpers::OneThread {};

TEST_F(SpeculatedRun, LeavesZerosWhereItSkipped) {
  for (const Format format : {Format::fp32, Format::fp16}) {
    for (const KernelPath path : {KernelPath::highway, KernelPath::reference, KernelPath::onednn}) {
      Network network = small_network(1, path, format);
      TrainingSession session(network, small_run("set", 10));
      FeedforwardHook hook({.audit_rate = 0.1, .margin = 0});
      for (int64_t step = 0; step < 4; ++step) {
        session.step(small_batch(step), &hook);
        EXPECT_EQ(hook.announced.size(), 19U);
        EXPECT_EQ(hook.speculation.counts().size(), 19U);
        EXPECT_EQ(hook.nonzero_where_skipped, 0);
        EXPECT_EQ(hook.wrong_estimates, 0);
        EXPECT_EQ(hook.skipped > 0, step > 0);
      }
    }
  }
}

TEST_F(SpeculatedRun, HoldsItsTargetAfterTheFirstHundredSteps) {
  for (const double target : {0.01, 0.03}) {
    Network network = small_network(2, KernelPath::highway);
    TrainingSession session(network, small_run("set", 400));
    FeedforwardHook hook({.false_skip_target = target, .audit_rate = 0.25});
    FeedforwardCounts counts;
    for (int64_t step = 0; step < 400; ++step) {
      session.step(small_batch(step), &hook);
      for (const auto& [layer, of_layer] : hook.speculation.counts()) {
        if (step >= 100) {
          counts += of_layer;
        }
      }
    }
    EXPECT_GT(counts.false_skip_rate(), 0.5 * target);
    EXPECT_LT(counts.false_skip_rate(), 1.5 * target);
    EXPECT_GT(counts.recall(), 0.3);
  }
}

TEST_F(SpeculatedRun, GoesOnAfterASaveAsIfNeverStopped) {
  const auto run = [](int64_t saved_at) {
    Network network = small_network(3, KernelPath::highway);
    TrainingSession session(network, small_run("set", 12));
    auto hook = std::make_unique<FeedforwardHook>();
    for (int64_t step = 0; step < 12; ++step) {
      if (step == saved_at) {
        const std::string saved = hook->speculation.state().dump();
        hook = std::make_unique<FeedforwardHook>();
        hook->speculation.restore(nlohmann::json::parse(saved));
      }
      session.step(small_batch(step), hook.get());
    }
    return snapshot(session);
  };
  const auto whole = run(-1);
  EXPECT_TRUE(run(1) == whole);
  EXPECT_TRUE(run(7) == whole);
}

TEST_F(SpeculatedRun, GivesTheSameBitsWithLayersOneByOne) {
  const auto run = [](Passes passes) {
    Network network = small_network(4, KernelPath::highway);
    const Shape images = network.input_shape();
    network.plan(images, KernelPath::highway, Format::fp32, passes);
    TrainingSession session(network, small_run("set", 8));
    FeedforwardHook hook({.margin = 0});
    for (int64_t step = 0; step < 8; ++step) {
      session.step(small_batch(step), &hook);
    }
    return snapshot(session);
  };
  EXPECT_TRUE(run(Passes::fused) == run(Passes::one_by_one));
}

}  // namespace
}  // namespace trainer
