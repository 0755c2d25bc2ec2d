#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "processor/golden/compare.h"
#include "processor/golden/the_machine.h"
#include "processor/golden/values.h"

namespace trainer::golden_test {
namespace {

using golden::Assignment;
using golden::Compress;
using golden::Counts;
using golden::Dataflow;
using golden::Phase;

std::vector<Dataflow> every_dataflow(const golden::Processor& processor) {
  std::vector<Dataflow> result;
  for (const Compress compress : {Compress::weights, Compress::activations}) {
    for (const Assignment assignment : {Assignment::in_order, Assignment::balanced, Assignment::dynamic}) {
      for (int64_t gk = 1; gk <= processor.groups; gk *= 2) {
        for (int64_t gp = 1; gk * gp <= processor.groups; gp *= 2) {
          result.push_back({compress, gk, gp, processor.groups / gk / gp, assignment});
        }
      }
    }
  }
  return result;
}

/// A layer of two convolution groups on four groups of PEs with little of everything.
Case small_case() {
  Case c = random_case(1);  // for its integers
  Random random(9);
  c.layer =
      make_layer({.n = 9, .c = 6, .h = 5, .w = 4, .k = 10, .r = 3, .s = 2, .stride = 2, .padding = 1, .groups = 2}, 0.4,
                 0.7, 0.5, 11);
  for (auto values : {c.layer.X.values(), c.layer.dZ.values(), std::span<float>(c.layer.weights)}) {
    for (float& value : values) {
      value = value == 0 ? 0.0F : static_cast<float>(1 + random.below(4));
    }
  }
  c.before.reset();
  c.skipped.clear();
  c.skipped_before.clear();
  c.gradient_pruned = c.input_is_rectified = c.input_from_batchnorm = c.output_to_batchnorm = false;
  c.pins = golden::Pins();
  c.processor = golden::Processor();
  c.processor.groups = 4;
  c.processor.pes = 3;
  c.processor.lanes = 2;
  c.processor.skip_input_zeros = c.processor.skip_weight_zeros = c.processor.skip_pruned_gradients = true;
  return c;
}

TEST(Golden, EveryDataflowDoesTheSameWork) {
  const Case c = small_case();
  const golden::Layer layer = golden_layer(c);
  for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
    const std::vector<float> reference = reference_output(phase, c);
    const Counts first = machine().run(phase, layer, c.processor, {Compress::weights, 4, 1, 1}).counts;
    EXPECT_GT(first.mac, 0);
    for (const Dataflow& dataflow : every_dataflow(c.processor)) {
      const golden::Result result = machine().run(phase, layer, c.processor, dataflow);
      EXPECT_EQ(value_difference(result.output, reference), "");
      EXPECT_EQ(result.counts.mac, first.mac);
      EXPECT_EQ(result.counts.skipped_by_input, first.skipped_by_input);
      EXPECT_EQ(result.counts.skipped_by_weight, first.skipped_by_weight);
      EXPECT_EQ(result.counts.skipped_by_output, first.skipped_by_output);
      EXPECT_EQ(first.mac + first.skipped_by_input + first.skipped_by_weight + first.skipped_by_output,
                c.layer.geometry.dense_macs());
    }
  }
}

TEST(Golden, WhatIsHeldByNobodyDrainsAllTheSame) {
  Case c = small_case();
  c.layer = make_layer(c.layer.geometry, 1, 1, 0, 1);
  c.processor.activations_KB = 64;  // one pass
  const golden::Layer layer = golden_layer(c);
  const Dataflow dataflow{Compress::weights, 4, 1, 1};
  const golden::Result FF = machine().run(Phase::FF, layer, c.processor, dataflow);
  EXPECT_EQ(FF.counts.lane_active, 0);
  EXPECT_EQ(FF.counts.skipped_by_weight, c.layer.geometry.dense_macs());
  EXPECT_EQ(FF.output, std::vector<float>(FF.output.size(), 0.0F));
  // Four blocks, one per group: the last one's first item is sent in cycle 4, then 36 + 36 + 9 positions leave.
  EXPECT_EQ(FF.counts.compute_cycles, 4 + 81);
  const golden::Result WG = machine().run(Phase::WG, layer, c.processor, dataflow);
  EXPECT_EQ(WG.counts.compute_cycles, WG.counts.dispatch);  // one item per cycle, none with any work
  EXPECT_EQ(WG.counts.dram_write, 0);
}

TEST(Golden, ADeeperQueueIsNeverSlower) {
  Case c = small_case();
  const golden::Layer layer = golden_layer(c);
  int64_t before = 0;
  for (const int64_t depth : {1, 2, 4, 16}) {
    c.processor.fifo_depth = depth;
    const Counts counts = machine().run(Phase::FF, layer, c.processor, {Compress::weights, 2, 2, 1}).counts;
    EXPECT_TRUE(before == 0 || counts.compute_cycles <= before) << depth;
    before = counts.compute_cycles;
  }
}

TEST(Golden, WhatIsNoNormalNumberIsNotZero) {
  Case c = small_case();
  c.layer.X.data()[7] = NAN;
  c.layer.X.data()[8] = INFINITY;
  c.layer.X.data()[9] = 1e-40F;
  c.layer.X.data()[10] = -0.0F;
  c.layer.dZ.data()[2] = -NAN;
  c.layer.dZ.data()[3] = -1e-40F;
  c.layer.weights[1] = NAN;
  EXPECT_TRUE(same_counts(c));
}

TEST(Golden, ADifferenceIsSeen) {
  const Case c = small_case();
  const golden::Layer layer = golden_layer(c);
  const golden::Result result =
      machine().run(Phase::FF, layer, c.processor, choose(Phase::FF, layer, c.processor, c.pins).dataflow);
  PhaseCounts fast = fast_feedforward(c);
  EXPECT_EQ(difference(result.counts, c.processor, fast), "");
  fast.events[Event::accumulate] += 1;
  EXPECT_NE(difference(result.counts, c.processor, fast).find("accumulate golden"), std::string::npos);
}

TEST(Golden, AMachineThatIsTooSmallIsRefused) {
  const Case c = small_case();
  golden::Processor processor = c.processor;
  processor.groups = 2 * kMostGroups;
  EXPECT_THROW(machine().run(Phase::FF, golden_layer(c), processor, {Compress::weights, 2 * kMostGroups, 1, 1}),
               std::logic_error);
}

TEST(Golden, AGroupingThatLeavesGroupsOutIsRefused) {
  const Case c = small_case();
  EXPECT_THROW(machine().run(Phase::FF, golden_layer(c), c.processor, {Compress::weights, 2, 1, 1}), std::logic_error);
}

}  // namespace
}  // namespace trainer::golden_test
