#include <gtest/gtest.h>

#include <cmath>

#include "processor/contraction_model.h"
#include "processor/golden/compare.h"

namespace trainer::golden_test {
namespace {

/// Section 9 of the contract.
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
  processor.skip_input_zeros = processor.skip_weight_zeros = processor.skip_pruned_gradients = true;
  return processor;
}

TEST(Golden, WorkedExampleFF) {
  const golden::Result result = machine().run(golden::Phase::FF, worked_layer(), worked_processor());
  const golden::Counts& counts = result.counts;
  EXPECT_EQ(counts.cycle, 5);  // max(2 + 3, 1)
  EXPECT_EQ(counts.mac, 10);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_input, 26);
  EXPECT_EQ(counts.lane_active, 12);
  EXPECT_EQ(counts.lane_idle, 8);
  EXPECT_EQ(counts.bitmap_scan, 3 * 64);
  EXPECT_EQ(counts.bitmap_read, 64);
  EXPECT_EQ(counts.operand_read, 10);
  EXPECT_EQ(counts.accumulate, 10);
  EXPECT_EQ(counts.buffer_read, 92 + 66);
  EXPECT_EQ(counts.buffer_write, 384);
  EXPECT_EQ(counts.dram_read, 12 + 9);
  EXPECT_EQ(counts.dram_write, 48);
  // Image 0 is 1 0 0: k = 0 is 0.5 * left - itself, k = 1 twice the right neighbour.
  EXPECT_EQ(std::vector<float>(result.output.begin(), result.output.begin() + 6),
            (std::vector<float>{-1, 0.5F, 0, 0, 0, 0}));
}

TEST(Golden, WorkedExampleBP) {
  const golden::Counts counts = machine().run(golden::Phase::BP, worked_layer(), worked_processor()).counts;
  EXPECT_EQ(counts.cycle, 11);  // 4 + 6 + 1
  EXPECT_EQ(counts.mac, 21);
  EXPECT_EQ(counts.skipped_by_weight, 180);
  EXPECT_EQ(counts.skipped_by_output, 8);
  EXPECT_EQ(counts.skipped_by_input, 7);
  EXPECT_EQ(counts.lane_active, 22);
  EXPECT_EQ(counts.lane_idle, 22);
  EXPECT_EQ(counts.bitmap_read, 2 * 64);
  EXPECT_EQ(counts.buffer_read, 296 + 66);
}

TEST(Golden, WorkedExampleWG) {
  const golden::Counts counts = machine().run(golden::Phase::WG, worked_layer(), worked_processor()).counts;
  EXPECT_EQ(counts.cycle, 5);  // max(2 + 3, 2 + 1)
  EXPECT_EQ(counts.mac, 11);
  EXPECT_EQ(counts.skipped_by_output, 168);
  EXPECT_EQ(counts.skipped_by_input, 37);
  EXPECT_EQ(counts.bitmap_scan, 2 * 4 * 64);
  EXPECT_EQ(counts.bitmap_read, (1 + 2) * 64);
  EXPECT_EQ(counts.operand_read, 22);
  EXPECT_EQ(counts.accumulate, 4);
  EXPECT_EQ(counts.buffer_read, 92 + 296 + 18 + 4 * 32);
  EXPECT_EQ(counts.buffer_write, 128);
  EXPECT_EQ(counts.dram_read, 12 + 37 + 3);
  EXPECT_EQ(counts.dram_write, 8);
}

TEST(Golden, NothingHeldTakesNoCycle) {
  golden::Layer layer = worked_layer();
  layer.W.assign(18, 0.0F);
  layer.unpruned.assign(18, 0);
  const golden::Result result = machine().run(golden::Phase::FF, layer, worked_processor());
  EXPECT_EQ(result.counts.cycle, 0);
  EXPECT_EQ(result.counts.skipped_by_weight, 216);
  EXPECT_EQ(result.output, std::vector<float>(24, 0.0F));
}

TEST(Golden, NotANumberAndInfinityAreNotZero) {
  Case c = random_case(3);
  c.layer = make_layer({.n = 9, .c = 3, .h = 5, .w = 4, .k = 4, .r = 3, .s = 3, .padding = 1}, 0.5, 0.5, 0.5, 3);
  c.layer.X.data()[7] = NAN;
  c.layer.X.data()[8] = INFINITY;
  c.layer.dZ.data()[2] = -NAN;
  c.layer.weights[1] = NAN;
  EXPECT_TRUE(same_counts(c));
}

TEST(Golden, ADifferenceIsSeen) {
  const Case c = random_case(5);
  const golden::Result result = machine().run(golden::Phase::FF, golden_layer(c.layer), golden_processor(c.processor));
  const LayerBitmaps bitmaps(c.layer);
  PhaseCounts fast = ContractionModel(c.layer.geometry, c.processor).feedforward(c.layer.W(), {bitmaps.X, 1});
  EXPECT_EQ(difference(result.counts, fast), "");
  fast.events[Event::accumulate] += 1;
  EXPECT_NE(difference(result.counts, fast).find("accumulate golden"), std::string::npos);
}

TEST(Golden, AMachineThatIsTooSmallIsRefused) {
  golden::Processor processor = worked_processor();
  processor.groups = kMostGroups + 1;
  EXPECT_THROW(machine().run(golden::Phase::FF, worked_layer(), processor), std::logic_error);
}

}  // namespace
}  // namespace trainer::golden_test
