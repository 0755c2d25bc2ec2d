// Every number of docs/processor-contract.md, section 13.
#include <gtest/gtest.h>

#include "processor/array/pipeline.h"
#include "processor/contraction_model.h"
#include "processor/dataflow/dataflow.h"
#include "processor/random_layer.h"

namespace trainer {
namespace {

LayerCase example_layer() {
  LayerCase layer;
  layer.geometry = {.n = 4, .c = 1, .h = 1, .w = 3, .k = 2, .r = 3, .s = 3, .padding = 1};
  layer.X = Tensor(layer.geometry.input());
  layer.dZ = Tensor(layer.geometry.output());
  const std::vector<float> x = {1, 2, 3, 0, /**/ 0, 0, 0, 0, /**/ 0, 4, 5, 0};
  std::copy(x.begin(), x.end(), layer.X.data());
  const std::vector<float> dz = {1, 1, 1, 1, /**/ 1, 1, 1, 1, /**/ 1, 1, 1, 1,  //
                                 0, 0, 2, 0, /**/ 0, 0, 0, 0, /**/ 2, 2, 2, 2};
  std::copy(dz.begin(), dz.end(), layer.dZ.data());
  layer.pattern = Pattern::from_rows(2, 9, {0, 2, 4}, {3, 4, 4, 5});
  layer.weights = {0.5F, -1, 0, 2};
  return layer;
}

ProcessorParameters example_processor() {
  ProcessorParameters p;
  p.name = "example";
  p.clock_MHz = 100;
  p.groups = 1;
  p.pes_per_group = 2;
  p.lanes = 2;
  p.tile = 64;
  p.fifo_depth = 2;
  p.drain = 2;
  p.bandwidth_GBps = 0.8;
  p.latency_ns = 50;
  p.port_bits = 1024;
  p.output_port_bits = 1024;
  p.skip_input_zeros = p.skip_weight_zeros = p.skip_pruned_gradients = true;
  return p;
}

class WorkedExample : public testing::Test {
 protected:
  PhaseOutcome run(Phase phase, const std::string& dataflow) {
    parameters.dataflow = dataflow;
    const LayerBitmaps bitmaps(layer);
    ContractionModel model(layer.geometry, parameters, std::make_shared<LayerCounts>(layer.geometry, 64, 2),
                           {.input_is_rectified = layer.input_is_rectified});
    const WantedOutputs wanted{bitmaps.wanted, false};
    return phase == Phase::FF ? model.feedforward(layer.W(), {bitmaps.X, 1}, layer.skipped.empty() ? nullptr : &wanted)
           : phase == Phase::BP ? model.backpropagation(layer.W(), {bitmaps.X, 1}, {bitmaps.dZ, 2})
                                : model.weight_gradient(layer.W(), {bitmaps.X, 1}, {bitmaps.dZ, 2});
  }

  static void expect_macs(const PhaseCounts& counts, int64_t effectual, int64_t input, int64_t weight, int64_t output) {
    EXPECT_EQ(counts.dense_macs, 216);
    EXPECT_EQ(counts.effectual_macs, effectual);
    EXPECT_EQ(counts.skipped_by_input, input);
    EXPECT_EQ(counts.skipped_by_weight, weight);
    EXPECT_EQ(counts.skipped_by_output, output);
    EXPECT_EQ(counts.events[Event::mac], effectual);
    EXPECT_EQ(counts.events[Event::dispatch], 1);
    EXPECT_EQ(counts.events[Event::reduce], 0);
  }

  void use_speculation() {
    parameters.speculates_feedforward = parameters.speculates_backpropagation = true;
    parameters.speculation_lanes = 2;
    parameters.speculation_fifo_depth = 1;
  }

  static void expect_times(const PhaseCounts& counts, int64_t cycles, int64_t compute, int64_t memory) {
    EXPECT_EQ(counts.cycles, cycles);
    EXPECT_EQ(counts.compute_cycles, compute);
    EXPECT_EQ(counts.memory_cycles, memory);
    EXPECT_EQ(counts.events[Event::cycle], cycles);
  }

  static void expect_events(const PhaseCounts& counts, const std::vector<std::pair<Event, int64_t>>& expected) {
    for (const auto& [event, count] : expected) {
      EXPECT_EQ(counts.events[event], count) << to_string(event);
    }
  }

  LayerCase layer = example_layer();
  ProcessorParameters parameters = example_processor();
};

TEST_F(WorkedExample, FeedforwardWithWeightsHeld) {
  const PhaseCounts counts = run(Phase::FF, "weight-compressed").counts;
  expect_macs(counts, 10, 26, 180, 0);
  expect_times(counts, 31, 12, 19);
  expect_events(counts, {{Event::lane_active, 12},
                         {Event::lane_idle, 112},
                         {Event::bitmap_scan, 192},
                         {Event::bitmap_read, 64},
                         {Event::operand_read, 10},
                         {Event::accumulate, 10},
                         {Event::activation_read, 92},
                         {Event::weight_read, 66},
                         {Event::output_read, 768},
                         {Event::activation_write, 92},
                         {Event::weight_write, 66},
                         {Event::output_write, 768},
                         {Event::dram_read, 20},
                         {Event::dram_write, 48}});
  EXPECT_EQ(counts.loaded, (OperandBits{92, 66, 0, 0}));
}

TEST_F(WorkedExample, FeedforwardWithActivationsHeld) {
  const PhaseCounts counts = run(Phase::FF, "activation-compressed").counts;
  expect_macs(counts, 10, 26, 180, 0);
  expect_times(counts, 36, 17, 19);
  expect_events(counts, {{Event::lane_active, 20},
                         {Event::lane_idle, 124},
                         {Event::bitmap_scan, 40},
                         {Event::bitmap_read, 18},
                         {Event::operand_read, 10},
                         {Event::accumulate, 10},
                         {Event::activation_read, 92},
                         {Event::weight_read, 66},
                         {Event::output_read, 768},
                         {Event::activation_write, 92},
                         {Event::weight_write, 66},
                         {Event::output_write, 768}});
}

TEST_F(WorkedExample, BackpropagationWithWeightsHeld) {
  const PhaseCounts counts = run(Phase::BP, "weight-compressed").counts;
  expect_macs(counts, 21, 7, 180, 8);
  expect_times(counts, 37, 18, 19);
  expect_events(counts, {{Event::lane_active, 22},
                         {Event::lane_idle, 126},
                         {Event::bitmap_scan, 192},
                         {Event::bitmap_read, 128},
                         {Event::operand_read, 21},
                         {Event::accumulate, 21},
                         {Event::activation_read, 296},
                         {Event::weight_read, 66},
                         {Event::output_read, 384},
                         {Event::activation_write, 296},
                         {Event::weight_write, 66},
                         {Event::output_write, 384},
                         {Event::dram_read, 46},
                         {Event::dram_write, 24}});
}

TEST_F(WorkedExample, BackpropagationWithActivationsHeld) {
  const PhaseCounts counts = run(Phase::BP, "activation-compressed").counts;
  expect_macs(counts, 21, 7, 180, 8);
  expect_times(counts, 37, 18, 19);
  expect_events(counts, {{Event::lane_active, 42}, {Event::bitmap_scan, 84}, {Event::bitmap_read, 18}});
}

TEST_F(WorkedExample, WeightGradientWithWeightsHeld) {
  const PhaseCounts counts = run(Phase::WG, "weight-compressed").counts;
  expect_macs(counts, 11, 37, 0, 168);
  expect_times(counts, 25, 7, 18);
  expect_events(counts, {{Event::lane_active, 16},
                         {Event::lane_idle, 84},
                         {Event::bitmap_scan, 512},
                         {Event::bitmap_read, 192},
                         {Event::operand_read, 22},
                         {Event::accumulate, 4},
                         {Event::activation_read, 388},
                         {Event::weight_read, 18},
                         {Event::output_read, 128},
                         {Event::activation_write, 388},
                         {Event::weight_write, 18},
                         {Event::output_write, 128},
                         {Event::dram_read, 51},
                         {Event::dram_write, 8}});
  EXPECT_EQ(counts.loaded, (OperandBits{92, 18, 296, 0}));
}

TEST_F(WorkedExample, WeightGradientWithActivationsHeld) {
  const PhaseCounts counts = run(Phase::WG, "activation-compressed").counts;
  expect_macs(counts, 11, 37, 0, 168);
  expect_times(counts, 31, 13, 18);
  expect_events(counts, {{Event::lane_active, 20},
                         {Event::lane_idle, 104},
                         {Event::bitmap_scan, 80},
                         {Event::bitmap_read, 146},
                         {Event::operand_read, 11},
                         {Event::accumulate, 11}});
}

TEST_F(WorkedExample, Choices) {
  const auto predicted = [&](Phase phase, const std::string& dataflow) {
    return run(phase, dataflow).choice.prediction.compute_cycles;
  };
  EXPECT_EQ(predicted(Phase::FF, "weight-compressed"), 6);
  EXPECT_EQ(predicted(Phase::FF, "activation-compressed"), 8);
  EXPECT_EQ(predicted(Phase::BP, "weight-compressed"), 15);
  EXPECT_EQ(predicted(Phase::BP, "activation-compressed"), 13);
  EXPECT_EQ(predicted(Phase::WG, "weight-compressed"), 5);
  EXPECT_EQ(predicted(Phase::WG, "activation-compressed"), 20);
  const auto chosen = [&](Phase phase) { return run(phase, "adaptive").choice; };
  EXPECT_EQ(chosen(Phase::FF).dataflow.compress, Compress::weight);
  EXPECT_EQ(chosen(Phase::FF).prediction.cycles(), 19);
  EXPECT_EQ(chosen(Phase::BP).dataflow.compress, Compress::activation);
  EXPECT_EQ(chosen(Phase::WG).dataflow.compress, Compress::weight);
}

TEST_F(WorkedExample, FeedforwardWithUnwantedOutputs) {
  use_speculation();
  layer.skipped.assign(24, 0);
  std::fill_n(layer.skipped.begin() + 4, 4, 1);  // k = 0, q = 1
  const PhaseOutcome outcome = run(Phase::FF, "weight-compressed");
  const PhaseCounts& counts = outcome.counts;
  expect_macs(counts, 7, 21, 180, 8);
  expect_times(counts, 41, 22, 19);
  expect_events(counts, {{Event::lane_active, 10},
                         {Event::lane_idle, 154},
                         {Event::bitmap_scan, 576},
                         {Event::bitmap_read, 192},
                         {Event::operand_read, 7},
                         {Event::accumulate, 7},
                         {Event::estimate, 10},
                         {Event::exponent_read, 10},
                         {Event::predict, 24},
                         {Event::activation_read, 92},
                         {Event::weight_read, 66},
                         {Event::output_read, 768},
                         {Event::activation_write, 92},
                         {Event::weight_write, 66},
                         {Event::output_write, 768},
                         {Event::dram_read, 20},
                         {Event::dram_write, 48}});
  EXPECT_EQ(outcome.choice.prediction.compute_cycles, 12);
  EXPECT_EQ(outcome.choice.prediction.cycles(), 19);
  const PhaseOutcome held_activations = run(Phase::FF, "activation-compressed");
  EXPECT_EQ(held_activations.choice.prediction.compute_cycles, 14);
  expect_events(held_activations.counts, {{Event::bitmap_scan, 120}, {Event::bitmap_read, 82}});
}

TEST_F(WorkedExample, BackpropagationWithUnwantedOutputs) {
  use_speculation();
  layer.input_is_rectified = true;
  const PhaseCounts counts = run(Phase::BP, "weight-compressed").counts;
  expect_macs(counts, 8, 2, 180, 26);
  EXPECT_EQ(counts.cycles, 32);
  EXPECT_EQ(counts.compute_cycles, 13);
  expect_events(counts, {{Event::lane_active, 12},
                         {Event::lane_idle, 116},
                         {Event::bitmap_scan, 384},
                         {Event::bitmap_read, 192},
                         {Event::operand_read, 8},
                         {Event::accumulate, 8},
                         {Event::activation_read, 308},
                         {Event::activation_write, 308},
                         {Event::dram_read, 47}});
  expect_events(run(Phase::BP, "activation-compressed").counts, {{Event::bitmap_scan, 168}, {Event::bitmap_read, 50}});
}

PhaseTime five_items(int64_t output_port_bits) {
  // Five tiles of one block on 1 x 2 x 1 groups.
  ItemTable items;
  items.row_size = 8;
  items.cycles = {5, 1, 3, 1, 1, 0, 0, 0};
  items.tile_sums = {2, 2, 2, 2, 2};
  items.block_sums = {1};
  items.tile_group_sums = {2, 2, 2, 2, 2};
  items.block_group_sums = {1};
  ProcessorParameters parameters;
  parameters.clock_MHz = 1;
  parameters.bandwidth_GBps = 0.001;  // a byte per cycle
  parameters.latency_ns = 0;
  parameters.fifo_depth = 1;
  parameters.drain = 1;
  parameters.output_port_bits = output_port_bits;
  PassPlan plan;
  plan.passes = {{0, 3, 0, 1, 4, 3, 0, {}, {}}, {3, 5, 0, 1, 4, 3, 0, {}, {}}};
  const Dataflow dataflow{Compress::weight, {1, 2, 1}, Assignment::in_order};
  const ConvolutionGeometry geometry{.n = 8, .c = 1, .h = 1, .w = int64_t{5} * 8, .k = 1};
  const PhaseShape shape(Phase::FF, geometry);
  HeldWeights weight;
  weight.hold_all(1, 1);
  const HeldCounts held(shape, weight, 2);
  Bitmap X;
  X.assign(Tensor(geometry.input()), 0, 1);
  parameters.pes_per_group = 1;
  const Blocks blocks = make_blocks(shape, dataflow, parameters, held.of_channels());
  const ItemPort port(shape, {}, parameters, make_tiles(geometry, 64, 1), blocks, held,
                      OperandSizes(shape, parameters, held, &X, nullptr), 1);
  return run_pipeline(items, plan, port, dataflow, parameters);
}

TEST(WorkedTimes, FiveItemsInTwoPasses) {
  const PhaseTime time = five_items(64);
  EXPECT_EQ(time.cycles, 21);
  EXPECT_EQ(time.compute_cycles, 13);
}

TEST(WorkedTimes, OneGroupDrainsAtATime) {
  const PhaseTime time = five_items(32);
  EXPECT_EQ(time.cycles, 22);
  EXPECT_EQ(time.compute_cycles, 13);
}

}  // namespace
}  // namespace trainer
