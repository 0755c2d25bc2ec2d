#include <gtest/gtest.h>

#include "processor/golden/choice.h"
#include "processor/golden/the_machine.h"

// Section 13 of docs/processor-contract.md, number by number.

namespace trainer::golden_test {
namespace {

using golden::Assignment;
using golden::Compress;
using golden::Counts;
using golden::Dataflow;
using golden::ItemTimes;
using golden::Phase;

constexpr Dataflow kWC{Compress::weights, 1, 1, 1, Assignment::in_order};
constexpr Dataflow kAC{Compress::activations, 1, 1, 1, Assignment::in_order};

golden::Layer worked_layer() {
  golden::Layer layer;
  layer.n = 4;
  layer.w = 3;
  layer.k = 2;
  layer.r = layer.s = 3;
  layer.padding = 1;
  layer.X = {1, 0, 0, 2, 0, 4, 3, 0, 5, 0, 0, 0};
  for (int n = 0; n < 4; ++n) {
    for (const float value : {1.0F, 1.0F, 1.0F, n == 2 ? 2.0F : 0.0F, 0.0F, 2.0F}) {
      layer.dZ.push_back(value);
    }
  }
  layer.W.assign(18, 0.0F);
  layer.unpruned.assign(18, 0);
  layer.W[3] = 0.5F;
  layer.W[4] = -1;
  layer.W[9 + 5] = 2;
  for (const size_t i : {3, 4, 9 + 4, 9 + 5}) {
    layer.unpruned[i] = 1;
  }
  return layer;
}

golden::Processor worked_processor() {
  golden::Processor processor;
  processor.pes = 2;
  processor.lanes = 2;
  processor.drain = 2;
  processor.fifo_depth = 2;
  processor.activations_KB = processor.weights_KB = processor.outputs_KB = 1024;
  processor.clock_kHz = 100000;
  processor.bandwidth_MBps = 800;
  processor.latency_ns = 50;
  processor.port_bits = processor.output_port_bits = 1024;
  processor.skip_input_zeros = processor.skip_weight_zeros = processor.skip_pruned_gradients = true;
  return processor;
}

golden::Result run(Phase phase, const Dataflow& dataflow) {
  return machine().run(phase, worked_layer(), worked_processor(), dataflow);
}

TEST(GoldenWorkedExample, FeedforwardWeightCompressed) {
  const golden::Result result = run(Phase::FF, kWC);
  const Counts& counts = result.counts;
  EXPECT_EQ(counts.mac, 10);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_input, 26);
  EXPECT_EQ(counts.skipped_by_output, 0);
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{9, 9, 14, 20}}));
  EXPECT_EQ(counts.cycle, 31);
  EXPECT_EQ(counts.compute_cycles, 12);
  EXPECT_EQ(counts.memory_cycles, 19);
  EXPECT_EQ(counts.lane_active, 12);
  EXPECT_EQ(counts.lane_idle, 112);
  EXPECT_EQ(counts.dispatch, 1);
  EXPECT_EQ(counts.bitmap_scan, 192);
  EXPECT_EQ(counts.bitmap_read, 64);
  EXPECT_EQ(counts.operand_read(), 10);
  EXPECT_EQ(counts.accumulate, 10);
  EXPECT_EQ(counts.reduce, 0);
  EXPECT_EQ(counts.activation_read, 92);
  EXPECT_EQ(counts.weight_read, 66);
  EXPECT_EQ(counts.output_read, 32 * 24);
  EXPECT_EQ(counts.activation_write, 92);
  EXPECT_EQ(counts.weight_write, 66);
  EXPECT_EQ(counts.output_write, 768);
  EXPECT_EQ(counts.dram_read, 20);
  EXPECT_EQ(counts.dram_write, 48);
  // Image 0 is 1 0 0: k = 0 is 0.5 * left - itself, k = 1 twice the right neighbour.
  EXPECT_EQ(std::vector<float>(result.output.begin(), result.output.begin() + 6),
            (std::vector<float>{-1, 0.5F, 0, 0, 0, 0}));
}

TEST(GoldenWorkedExample, FeedforwardActivationCompressed) {
  const golden::Result result = run(Phase::FF, kAC);
  const Counts& counts = result.counts;
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{9, 9, 17, 25}}));
  EXPECT_EQ(counts.cycle, 36);
  EXPECT_EQ(counts.compute_cycles, 17);
  EXPECT_EQ(counts.memory_cycles, 19);
  EXPECT_EQ(counts.lane_active, 20);
  EXPECT_EQ(counts.lane_idle, 124);
  EXPECT_EQ(counts.bitmap_scan, 40);
  EXPECT_EQ(counts.bitmap_read, 18);
  EXPECT_EQ(counts.mac, 10);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_input, 26);
  EXPECT_EQ(counts.dispatch, 1);
  EXPECT_EQ(counts.operand_read(), 10);
  EXPECT_EQ(counts.accumulate, 10);
  EXPECT_EQ(counts.reduce, 0);
  EXPECT_EQ(counts.activation_read, 92);
  EXPECT_EQ(counts.weight_read, 66);
  EXPECT_EQ(counts.output_read, 32 * 24);
  EXPECT_EQ(counts.activation_write, 92);
  EXPECT_EQ(counts.weight_write, 66);
  EXPECT_EQ(counts.output_write, 768);
  EXPECT_EQ(counts.dram_read, 20);
  EXPECT_EQ(counts.dram_write, 48);
  EXPECT_EQ(result.output, run(Phase::FF, kWC).output);
}

TEST(GoldenWorkedExample, BackpropagationWeightCompressed) {
  const golden::Result result = run(Phase::BP, kWC);
  const Counts& counts = result.counts;
  EXPECT_EQ(counts.mac, 21);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_output, 8);
  EXPECT_EQ(counts.skipped_by_input, 7);
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{12, 12, 23, 29}}));
  EXPECT_EQ(counts.cycle, 37);
  EXPECT_EQ(counts.compute_cycles, 18);
  EXPECT_EQ(counts.memory_cycles, 19);
  EXPECT_EQ(counts.lane_active, 22);
  EXPECT_EQ(counts.lane_idle, 126);
  EXPECT_EQ(counts.bitmap_scan, 192);
  EXPECT_EQ(counts.bitmap_read, 2 * 64);
  EXPECT_EQ(counts.operand_read(), 21);
  EXPECT_EQ(counts.accumulate, 21);
  EXPECT_EQ(counts.activation_read, 296);
  EXPECT_EQ(counts.weight_read, 66);
  EXPECT_EQ(counts.output_read, 32 * 12);
  EXPECT_EQ(counts.activation_write, 296);
  EXPECT_EQ(counts.weight_write, 66);
  EXPECT_EQ(counts.output_write, 384);
  EXPECT_EQ(counts.dram_read, 46);
  EXPECT_EQ(counts.dram_write, 24);
}

TEST(GoldenWorkedExample, BackpropagationActivationCompressed) {
  const golden::Result result = run(Phase::BP, kAC);
  const Counts& counts = result.counts;
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{12, 12, 25, 29}}));
  EXPECT_EQ(counts.cycle, 37);
  EXPECT_EQ(counts.compute_cycles, 18);
  EXPECT_EQ(counts.lane_active, 42);
  EXPECT_EQ(counts.bitmap_scan, 84);
  EXPECT_EQ(counts.bitmap_read, 18);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_output, 8);
  EXPECT_EQ(counts.skipped_by_input, 7);
  EXPECT_EQ(result.output, run(Phase::BP, kWC).output);
}

TEST(GoldenWorkedExample, WeightGradientWeightCompressed) {
  const golden::Result result = run(Phase::WG, kWC);
  const Counts& counts = result.counts;
  EXPECT_EQ(counts.mac, 11);
  EXPECT_EQ(counts.skipped_by_output, 168);
  EXPECT_EQ(counts.skipped_by_input, 37);
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{13, 13, 18, 19}}));
  EXPECT_EQ(counts.cycle, 25);
  EXPECT_EQ(counts.compute_cycles, 7);
  EXPECT_EQ(counts.memory_cycles, 18);
  EXPECT_EQ(counts.lane_active, 16);
  EXPECT_EQ(counts.lane_idle, 84);
  EXPECT_EQ(counts.bitmap_scan, 512);
  EXPECT_EQ(counts.bitmap_read, 192);
  EXPECT_EQ(counts.operand_read(), 22);
  EXPECT_EQ(counts.accumulate, 4);
  EXPECT_EQ(counts.reduce, 0);
  EXPECT_EQ(counts.activation_read, 92 + 296);
  EXPECT_EQ(counts.weight_read, 18);
  EXPECT_EQ(counts.output_read, 32 * 4);
  EXPECT_EQ(counts.activation_write, 388);
  EXPECT_EQ(counts.weight_write, 18);
  EXPECT_EQ(counts.output_write, 128);
  EXPECT_EQ(counts.dram_read, 51);
  EXPECT_EQ(counts.dram_write, 8);
}

TEST(GoldenWorkedExample, WeightGradientActivationCompressed) {
  const golden::Result result = run(Phase::WG, kAC);
  const Counts& counts = result.counts;
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{13, 13, 23, 25}}));
  EXPECT_EQ(counts.cycle, 31);
  EXPECT_EQ(counts.compute_cycles, 13);
  EXPECT_EQ(counts.lane_active, 20);
  EXPECT_EQ(counts.lane_idle, 104);
  EXPECT_EQ(counts.bitmap_scan, 80);
  EXPECT_EQ(counts.bitmap_read, 146);
  EXPECT_EQ(counts.operand_read(), 11);
  EXPECT_EQ(counts.accumulate, 11);
  EXPECT_EQ(counts.skipped_by_output, 168);
  EXPECT_EQ(counts.skipped_by_input, 37);
  EXPECT_EQ(result.output, run(Phase::WG, kWC).output);
}

TEST(GoldenWorkedExample, Choice) {
  const struct {
    Phase phase;
    int64_t WC, AC;  // predicted compute cycles
    int64_t memory;
    Compress chosen;
  } expectations[] = {{Phase::FF, 6, 8, 19, Compress::weights},
                      {Phase::BP, 15, 13, 19, Compress::activations},
                      {Phase::WG, 5, 20, 18, Compress::weights}};
  for (const auto& expected : expectations) {
    const golden::Choice WC = predict(expected.phase, worked_layer(), worked_processor(), kWC);
    const golden::Choice AC = predict(expected.phase, worked_layer(), worked_processor(), kAC);
    EXPECT_EQ(WC.predicted_compute, expected.WC);
    EXPECT_EQ(AC.predicted_compute, expected.AC);
    EXPECT_EQ(WC.predicted_cycles, std::max(expected.WC, expected.memory));
    EXPECT_EQ(AC.predicted_cycles, std::max(expected.AC, expected.memory));
    EXPECT_EQ(choose(expected.phase, worked_layer(), worked_processor(), {}).dataflow.compress, expected.chosen);
  }
}

TEST(GoldenWorkedExample, SpeculatedFeedforward) {
  golden::Layer layer = worked_layer();
  golden::Processor processor = worked_processor();
  layer.speculated = true;
  layer.skipped.assign(24, 0);
  for (size_t n = 0; n < 4; ++n) {
    layer.skipped[n * 6 + 1] = 1;  // k = 0, q = 1
  }
  processor.speculation_feedforward = true;
  processor.estimator_lanes = 2;
  const golden::Result result = machine().run(Phase::FF, layer, processor, kWC);
  const Counts& counts = result.counts;
  EXPECT_EQ(counts.mac, 7);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_output, 8);
  EXPECT_EQ(counts.skipped_by_input, 21);
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{9, 20, 24, 30, 9, 20}}));
  EXPECT_EQ(counts.cycle, 41);
  EXPECT_EQ(counts.compute_cycles, 22);
  EXPECT_EQ(counts.memory_cycles, 19);
  EXPECT_EQ(counts.lane_active, 10);
  EXPECT_EQ(counts.lane_idle, 154);
  EXPECT_EQ(counts.bitmap_scan, 576);
  EXPECT_EQ(counts.bitmap_read, 192);
  EXPECT_EQ(counts.operand_read(), 7);
  EXPECT_EQ(counts.accumulate, 7);
  EXPECT_EQ(counts.estimate, 10);
  EXPECT_EQ(counts.exponent_read, 10);
  EXPECT_EQ(counts.predict, 24);
  EXPECT_EQ(counts.activation_read, 92);
  EXPECT_EQ(counts.dram_read, 20);
  // Image 0: the middle output is 0.5 * 1 - 0, estimated as (1.5 * 2^-1) * 1.5; the others are not skipped.
  EXPECT_EQ(std::vector<float>(result.output.begin(), result.output.begin() + 6),
            (std::vector<float>{-1, 1.125F, 0, 0, 0, 0}));

  const golden::Choice WC = predict(Phase::FF, layer, processor, kWC);
  EXPECT_EQ(WC.predicted_compute, 12);
  EXPECT_EQ(WC.predicted_cycles, 19);
  EXPECT_EQ(predict(Phase::FF, layer, processor, kAC).predicted_compute, 8 + 6);
  const Counts AC = machine().run(Phase::FF, layer, processor, kAC).counts;
  EXPECT_EQ(AC.bitmap_scan, 120);
  EXPECT_EQ(AC.bitmap_read, 82);
  // Half of the outputs were wanted: q = ceil(5 * 12 / 24) = 3, and the estimates take as long as before.
  layer.wanted = 12;
  EXPECT_EQ(predict(Phase::FF, layer, processor, kWC).predicted_compute, 12);
}

TEST(GoldenWorkedExample, MaskedBackpropagation) {
  golden::Layer layer = worked_layer();
  golden::Processor processor = worked_processor();
  layer.input_is_rectified = true;
  processor.speculation_backpropagation = true;
  const golden::Result result = machine().run(Phase::BP, layer, processor, kWC);
  const Counts& counts = result.counts;
  EXPECT_EQ(counts.mac, 8);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_output, 26);
  EXPECT_EQ(counts.skipped_by_input, 2);
  EXPECT_EQ(result.items, (std::vector<ItemTimes>{{12, 12, 18, 24}}));
  EXPECT_EQ(counts.cycle, 32);
  EXPECT_EQ(counts.compute_cycles, 13);
  EXPECT_EQ(counts.lane_active, 12);
  EXPECT_EQ(counts.lane_idle, 116);
  EXPECT_EQ(counts.bitmap_scan, 384);
  EXPECT_EQ(counts.bitmap_read, 192);
  EXPECT_EQ(counts.operand_read(), 8);
  EXPECT_EQ(counts.accumulate, 8);
  EXPECT_EQ(counts.activation_read, 308);
  EXPECT_EQ(counts.activation_write, 308);
  EXPECT_EQ(counts.dram_read, 47);
  for (size_t i = 0; i < layer.X.size(); ++i) {
    EXPECT_TRUE(layer.X[i] != 0 || result.output[i] == 0) << i;
  }
  const golden::Result AC = machine().run(Phase::BP, layer, processor, kAC);
  EXPECT_EQ(AC.output, result.output);
  EXPECT_EQ(AC.counts.mac, 8);
  EXPECT_EQ(AC.counts.skipped_by_output, 26);
  EXPECT_EQ(AC.counts.lane_active, 42);  // gated lanes take their places
  EXPECT_EQ(AC.counts.bitmap_scan, 168);
  EXPECT_EQ(AC.counts.bitmap_read, 50);
}

/// Five tiles in two passes on two groups: the only weight is dense, so a tile's time is its non-zeros under positions;
/// the stride leaves pixels that no position meets, whose non-zeros make the tensor as large as two passes need.
TEST(GoldenWorkedExample, Time) {
  golden::Layer layer;
  layer.n = 8;
  layer.stride = 8;
  layer.w = 39 * layer.stride + 1;  // 40 pixels of Z, 8 in each tile
  layer.X.assign(static_cast<size_t>(layer.n * layer.w), 0.0F);
  layer.dZ.assign(320, 0.0F);
  layer.W = {1};
  layer.unpruned = {1};
  const int64_t times[] = {5, 1, 3, 1, 1};
  for (int64_t tile = 0; tile < 5; ++tile) {
    for (int64_t n = 0; n < times[tile]; ++n) {
      layer.X[static_cast<size_t>(n * layer.w + tile * 8 * layer.stride)] = 1;
    }
  }
  for (int64_t i = 0; i < 336; ++i) {  // in two images; bits(X) = 8 * (336 + 11) + 8 * 313 = 5280
    const int64_t pixel = i % 168 / 7 * layer.stride + 1 + i % 7;
    layer.X[static_cast<size_t>(i / 168 * layer.w + pixel)] = 1;
  }
  golden::Processor processor;
  processor.groups = 2;
  processor.drain = 32;  // 64 positions of a tile: two cycles
  processor.value_bits = 8;
  processor.clock_kHz = 100000;
  processor.bandwidth_MBps =
      20000;  // 200 bytes per cycle: loads of 398 and 264 bytes take 2, stores of 192 and 128 one
  processor.latency_ns = 20;
  processor.skip_input_zeros = processor.skip_weight_zeros = true;
  const golden::Result result =
      machine().run(Phase::FF, layer, processor, {Compress::weights, 1, 2, 1, Assignment::in_order});
  EXPECT_EQ(result.counts.dram_read, 398 + 264);
  EXPECT_EQ(result.counts.dram_write, 192 + 128);
  EXPECT_EQ(result.items,
            (std::vector<ItemTimes>{{5, 5, 10, 12}, {6, 6, 7, 9}, {7, 10, 13, 15}, {9, 9, 10, 12}, {11, 13, 14, 17}}));
  EXPECT_EQ(result.ideal,
            (std::vector<ItemTimes>{{1, 1, 6, 8}, {2, 2, 3, 5}, {3, 6, 9, 11}, {4, 4, 5, 7}, {7, 9, 10, 13}}));
  EXPECT_EQ(result.counts.cycle, 21);
  EXPECT_EQ(result.counts.compute_cycles, 13);
  EXPECT_EQ(result.counts.memory_cycles, 14);

  processor.output_port_bits = 32 * processor.drain;  // one way
  const golden::Result narrow =
      machine().run(Phase::FF, layer, processor, {Compress::weights, 1, 2, 1, Assignment::in_order});
  EXPECT_EQ(narrow.items,
            (std::vector<ItemTimes>{{5, 5, 10, 12}, {6, 6, 7, 9}, {7, 10, 13, 16}, {9, 9, 10, 14}, {11, 13, 14, 18}}));
  EXPECT_EQ(narrow.ideal,
            (std::vector<ItemTimes>{{1, 1, 6, 9}, {2, 2, 3, 5}, {3, 6, 9, 11}, {4, 4, 5, 7}, {7, 9, 10, 13}}));
  EXPECT_EQ(narrow.counts.cycle, 22);
  EXPECT_EQ(narrow.counts.compute_cycles, 13);
}

}  // namespace
}  // namespace trainer::golden_test
