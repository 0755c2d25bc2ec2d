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
const BatchNormLayer kLayer{1, "bn", {10, 3, 5, 7}, 0, true, true};

TEST(StreamModels, ConventionalForwardPassesThreeTimes) {
  const PhaseCounts counts = batchnorm_feedforward(kLayer, processor("conventional"));
  EXPECT_EQ(counts.cycles, 3 * 17 + 3);
  EXPECT_EQ(counts.events[Event::activation_read], 3 * 1050 * 16);
  EXPECT_EQ(counts.events[Event::activation_write], 1050 * 16);
  EXPECT_EQ(counts.events[Event::dram_read], 3 * 1050 * 2);
  EXPECT_EQ(counts.events[Event::dram_write], 1050 * 2);
  EXPECT_EQ(counts.events[Event::fp32_add], 4 * 1050);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 2 * 1050);
  EXPECT_EQ(counts.events[Event::bn_channel], 3);
  EXPECT_EQ(counts.events[Event::lane_idle], (3 * 17 + 3) * 64);
}

TEST(StreamModels, ConventionalBackwardPassesTwice) {
  const PhaseCounts counts = batchnorm_backpropagation(kLayer, processor("conventional"));
  EXPECT_EQ(counts.cycles, 2 * 17 + 3);
  EXPECT_EQ(counts.events[Event::activation_read], 4 * 1050 * 16);
  EXPECT_EQ(counts.events[Event::activation_write], 1050 * 16);
  EXPECT_EQ(counts.events[Event::fp32_add], 5 * 1050);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 3 * 1050);
}

BatchNormLayer layer_of(int applied_on_load, bool from_contraction, bool has_bp) {
  BatchNormLayer layer = kLayer;
  layer.applied_on_load = applied_on_load;
  layer.input_from_contraction = from_contraction;
  layer.contraction_has_bp = has_bp;
  return layer;
}

struct Expected {
  int64_t passes, reads, writes, additions, multiplications;
};

void expect_per_element(const PhaseCounts& counts, const Expected& each) {
  EXPECT_EQ(counts.compute_cycles, each.passes * 17 + 3);
  EXPECT_EQ(counts.events[Event::activation_read], each.reads * 1050 * 16);
  EXPECT_EQ(counts.events[Event::activation_write], each.writes * 1050 * 16);
  EXPECT_EQ(counts.events[Event::dram_read], each.reads * 1050 * 2);
  EXPECT_EQ(counts.events[Event::dram_write], each.writes * 1050 * 2);
  EXPECT_EQ(counts.events[Event::fp32_add], each.additions * 1050);
  EXPECT_EQ(counts.events[Event::fp32_multiply], each.multiplications * 1050);
  EXPECT_EQ(counts.events[Event::bn_channel], 3);
}

TEST(StreamModels, DecoupledForwardIsAppliedOnLoads) {
  const ProcessorParameters unit = processor("decoupled");
  expect_per_element(batchnorm_feedforward(layer_of(1, true, true), unit), {0, 0, 0, 5, 3});
  expect_per_element(batchnorm_feedforward(layer_of(2, true, true), unit), {0, 0, 0, 7, 5});
  // Y is needed in memory.
  expect_per_element(batchnorm_feedforward(layer_of(0, true, true), unit), {1, 1, 1, 4, 2});
  // Z did not leave the array: a pass takes the sums.
  expect_per_element(batchnorm_feedforward(layer_of(1, false, true), unit), {1, 1, 0, 5, 3});
  expect_per_element(batchnorm_feedforward(layer_of(0, false, true), unit), {2, 2, 1, 4, 2});
}

TEST(StreamModels, DecoupledBackwardReadsZBesideEveryLoad) {
  const ProcessorParameters unit = processor("decoupled");
  expect_per_element(batchnorm_backpropagation(layer_of(1, true, true), unit), {0, 3, 0, 7, 5});
  expect_per_element(batchnorm_backpropagation(layer_of(1, true, false), unit), {0, 2, 0, 5, 3});
  expect_per_element(batchnorm_backpropagation(layer_of(0, false, true), unit), {1, 3, 1, 5, 3});
}

TEST(StreamModels, Update) {
  const PhaseCounts counts = update(1000, processor("decoupled"));
  EXPECT_EQ(counts.cycles, 63);  // 62.5
  EXPECT_EQ(counts.events[Event::dram_read], 1000 * (4 + 4 + 2));
  EXPECT_EQ(counts.events[Event::dram_write], 1000 * (4 + 4 + 2));
  EXPECT_EQ(counts.events[Event::activation_read], 1000 * 80);
  EXPECT_EQ(counts.events[Event::fp32_multiply], 3000);
  EXPECT_EQ(counts.events[Event::fp32_add], 3000);
  EXPECT_EQ(update(0, processor("decoupled")).cycles, 0);
}

// 100 MHz and 0.8 GB/s are 8 bytes per cycle, 50 ns are 5 cycles.
TEST(StreamModels, AsLongAsTheSlowerOfUnitAndMemory) {
  ProcessorParameters parameters = processor("conventional");
  parameters.clock_MHz = 100;
  parameters.bandwidth_GBps = 0.8;
  parameters.latency_ns = 50;
  const PhaseCounts bn = batchnorm_feedforward(kLayer, parameters);
  EXPECT_EQ(bn.compute_cycles, 3 * 17 + 3);
  EXPECT_EQ(bn.memory_cycles, (5 + 788) + (5 + 263));  // 6300 bytes in, 2100 out
  EXPECT_EQ(bn.cycles, bn.memory_cycles);
  EXPECT_EQ(bn.events[Event::cycle], bn.cycles);
  EXPECT_EQ(bn.events[Event::lane_idle], bn.cycles * 64);
  parameters.bandwidth_GBps = 1000;
  parameters.latency_ns = 0;
  EXPECT_EQ(batchnorm_feedforward(kLayer, parameters).cycles, 3 * 17 + 3);
  EXPECT_EQ(update(0, parameters).memory_cycles, 0);
}

TEST(StreamModels, ValuesOfEightBits) {
  ProcessorParameters parameters = processor("conventional");
  parameters.precision = "fp8";
  EXPECT_EQ(batchnorm_feedforward(kLayer, parameters).events[Event::dram_read], 3 * 1050);
  EXPECT_EQ(batchnorm_feedforward(kLayer, parameters).events[Event::activation_write], 1050 * 8);
  EXPECT_EQ(update(1000, parameters).events[Event::dram_read], 1000 * (4 + 4 + 2));
  EXPECT_EQ(update(1000, parameters).events[Event::dram_write], 1000 * (4 + 4 + 1));
  EXPECT_EQ(update(1000, parameters).events[Event::activation_write], 1000 * 72);
}

}  // namespace
}  // namespace trainer
