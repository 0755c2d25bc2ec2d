#include "processor/stream_models.h"

#include <gtest/gtest.h>

namespace trainer {
namespace {

ProcessorParameters processor(const char* unit) {
  ProcessorParameters parameters;
  parameters.groups = 2;
  parameters.pes_per_group = 4;
  parameters.lanes = 8;
  parameters.batchnorm_unit = unit;
  parameters.batchnorm_elements_per_cycle = 64;
  parameters.update_elements_per_cycle = 16;
  return parameters;
}

// 10 images x 3 channels x 5 x 7 = 1050 elements: 17 cycles a pass at 64 per cycle (16.4), and 3 channels.
const Shape kShape{10, 3, 5, 7};

TEST(StreamModels, ConventionalForwardPassesThreeTimes) {
  const PhaseCounts counts = batchnorm_feedforward(kShape, processor("conventional"));
  EXPECT_EQ(counts.cycles, 3 * 17 + 3);
  EXPECT_EQ(counts.events[Event::buffer_read], 3 * 1050 * 16);
  EXPECT_EQ(counts.events[Event::buffer_write], 1050 * 16);
  EXPECT_EQ(counts.events[Event::dram_read], 3 * 1050 * 2);
  EXPECT_EQ(counts.events[Event::dram_write], 1050 * 2);
  EXPECT_EQ(counts.events[Event::fp32_add], 4 * 1050);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 2 * 1050);
  EXPECT_EQ(counts.events[Event::bn_channel], 3);
  EXPECT_EQ(counts.events[Event::lane_idle], (3 * 17 + 3) * 64);
}

TEST(StreamModels, ConventionalBackwardPassesTwice) {
  const PhaseCounts counts = batchnorm_backpropagation(kShape, processor("conventional"));
  EXPECT_EQ(counts.cycles, 2 * 17 + 3);
  EXPECT_EQ(counts.events[Event::buffer_read], 4 * 1050 * 16);
  EXPECT_EQ(counts.events[Event::buffer_write], 1050 * 16);
  EXPECT_EQ(counts.events[Event::fp32_add], 5 * 1050);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 3 * 1050);
}

TEST(StreamModels, DecoupledFetchesNothingForward) {
  const PhaseCounts forward = batchnorm_feedforward(kShape, processor("decoupled"));
  EXPECT_EQ(forward.cycles, 3);
  EXPECT_EQ(forward.events[Event::buffer_read] + forward.events[Event::buffer_write], 0);
  EXPECT_EQ(forward.events[Event::dram_read] + forward.events[Event::dram_write], 0);
  EXPECT_EQ(forward.events[Event::fp32_add], 4 * 1050);
  // Backward Z alone: once for S2, once with the load of dY.
  const PhaseCounts backward = batchnorm_backpropagation(kShape, processor("decoupled"));
  EXPECT_EQ(backward.cycles, 3);
  EXPECT_EQ(backward.events[Event::buffer_read], 2 * 1050 * 16);
  EXPECT_EQ(backward.events[Event::buffer_write], 0);
}

TEST(StreamModels, Update) {
  const PhaseCounts counts = update(1000, processor("decoupled"));
  EXPECT_EQ(counts.cycles, 63);  // 62.5
  EXPECT_EQ(counts.events[Event::dram_read], 1000 * (4 + 4 + 2));
  EXPECT_EQ(counts.events[Event::dram_write], 1000 * (4 + 4 + 2));
  EXPECT_EQ(counts.events[Event::buffer_read], 1000 * 80);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 3000);
  EXPECT_EQ(counts.events[Event::fp32_add], 3000);
  EXPECT_EQ(update(0, processor("decoupled")).cycles, 0);
}

}  // namespace
}  // namespace trainer
