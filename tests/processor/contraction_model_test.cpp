#include "processor/contraction_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "processor/loop_model.h"
#include "processor/processor_file.h"
#include "processor/random_layer.h"

namespace trainer {
namespace {

PhaseOutcome fast_outcome(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters,
                          bool hindsight = false) {
  const LayerBitmaps bitmaps(layer);
  ContractionModel model(layer.geometry, parameters,
                         std::make_shared<LayerCounts>(layer.geometry, parameters.tile, parameters.lanes),
                         {layer.input_is_rectified, layer.input_from_batchnorm, layer.output_to_batchnorm});
  model.set_last_wanted(layer.wanted_before);
  const WantedOutputs wanted{bitmaps.wanted, layer.reads_shortcut};
  return phase == Phase::FF
             ? model.feedforward(layer.W(), {bitmaps.X, 1}, layer.skipped.empty() ? nullptr : &wanted, hindsight)
         : phase == Phase::BP
             ? model.backpropagation(layer.W(), {bitmaps.X, 1}, {bitmaps.dZ, 2}, hindsight)
             : model.weight_gradient(layer.W(), {bitmaps.X, 1}, {bitmaps.dZ, 2}, layer.gradient_pruned, hindsight);
}

PhaseCounts fast_model(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters) {
  return fast_outcome(phase, layer, parameters).counts;
}

std::string describe(const PhaseCounts& counts) {
  std::string text =
      fmt::format("dense {} effectual {} input {} weight {} output {} cycles {} compute {} memory {}",
                  counts.dense_macs, counts.effectual_macs, counts.skipped_by_input, counts.skipped_by_weight,
                  counts.skipped_by_output, counts.cycles, counts.compute_cycles, counts.memory_cycles);
  for (const EventEntry& entry : event_table()) {
    text += fmt::format(" {} {}", entry.name, counts.events[entry.event]);
  }
  const OperandBits& bits = counts.loaded;
  text += fmt::format(" loaded {} {} {} {} {} {}", bits.X, bits.W, bits.dZ, bits.sums, bits.shortcut, bits.bitmap);
  return text;
}

// How often something happened, so that a generator that no longer reaches a rule is noticed.
struct Coverage {
  int held_weights = 0;
  int held_activations = 0;
  int balanced = 0;
  int split_inputs = 0;
  int split_positions = 0;
  int memory_bound = 0;
  int loaded_again = 0;
  int small_values = 0;
  int dynamic = 0;
  int speculated = 0;
  int shortcuts = 0;
  int masked = 0;
  int pruned = 0;
  int from_batchnorm = 0;
  int narrow_ports = 0;
  int few_ways = 0;
  int several_ways = 0;

  void add(const PhaseOutcome& outcome, const LayerCase& layer, const ProcessorParameters& parameters) {
    const Dataflow& dataflow = outcome.choice.dataflow;
    ++(dataflow.compress == Compress::weight ? held_weights : held_activations);
    balanced += dataflow.assignment == Assignment::balanced ? 1 : 0;
    split_inputs += dataflow.grouping.input_channels > 1 ? 1 : 0;
    split_positions += dataflow.grouping.positions > 1 ? 1 : 0;
    memory_bound += outcome.counts.memory_cycles > outcome.counts.compute_cycles ? 1 : 0;
    const int64_t all_bytes =
        2 * (layer.X.size() + layer.dZ.size() + layer.geometry.k * layer.geometry.weight_columns());
    loaded_again += outcome.counts.events[Event::dram_read] > all_bytes * 9 / 8 + 100 ? 1 : 0;
    small_values += outcome.counts.events[Event::mac_fp8] > 0 ? 1 : 0;
    dynamic += dataflow.assignment == Assignment::dynamic ? 1 : 0;
    speculated += outcome.counts.events[Event::estimate] > outcome.counts.effectual_macs ? 1 : 0;
    shortcuts += outcome.counts.loaded.shortcut > 0 ? 1 : 0;
    masked += outcome.counts.loaded.bitmap > 0 ? 1 : 0;
    pruned += outcome.counts.events[Event::prune] > 0 ? 1 : 0;
    const OperandBits& loaded = outcome.counts.loaded;
    from_batchnorm +=
        loaded.X + loaded.dZ + loaded.shortcut + loaded.bitmap != outcome.counts.events[Event::activation_write] ? 1
                                                                                                                 : 0;
    narrow_ports += parameters.port_bits <= 64 ? 1 : 0;
    few_ways += parameters.groups > 1 && parameters.drain_ways() == 1 ? 1 : 0;
    several_ways += parameters.drain_ways() > 1 && parameters.drain_ways() < parameters.groups ? 1 : 0;
  }
};

TEST(ContractionModel, EqualsTheLoopModelOnRandomLayers) {
  Coverage coverage;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    const LayerCase layer = random_layer(seed);
    const ProcessorParameters parameters = random_processor(seed);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      const LoopResult expected = loop_model(phase, layer, parameters);
      const PhaseOutcome outcome = fast_outcome(phase, layer, parameters);
      const PhaseCounts& counted = outcome.counts;
      ASSERT_EQ(to_string(outcome.choice.dataflow), to_string(expected.dataflow))
          << to_string(phase) << " seed " << seed;
      ASSERT_EQ(outcome.choice.prediction.compute_cycles, expected.predicted_compute);
      ASSERT_EQ(outcome.choice.prediction.cycles(), expected.predicted_cycles);
      ASSERT_EQ(describe(counted), describe(expected.counts))
          << to_string(phase) << " seed " << seed << " " << to_string(expected.dataflow);
      coverage.add(outcome, layer, parameters);
      EXPECT_EQ(counted.dense_macs, layer.geometry.dense_macs());
      EXPECT_EQ(counted.dense_macs, counted.effectual_macs + counted.skipped_by_input + counted.skipped_by_weight +
                                        counted.skipped_by_output);
    }
  }
  for (const int times : {coverage.held_weights, coverage.held_activations, coverage.balanced, coverage.split_inputs,
                          coverage.split_positions, coverage.memory_bound, coverage.loaded_again, coverage.small_values,
                          coverage.dynamic, coverage.speculated, coverage.shortcuts, coverage.masked, coverage.pruned,
                          coverage.from_batchnorm, coverage.narrow_ports, coverage.few_ways, coverage.several_ways}) {
    EXPECT_GT(times, 40) << "of 1,800 phases";
  }
}

// Many tiles and channels: every block width, several chunks of windows.
TEST(ContractionModel, EqualsTheLoopModelOnLargerLayers) {
  ProcessorParameters parameters = random_processor(1);
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;
  parameters.groups = 4;
  parameters.grouping = "adaptive";
  parameters.pes_per_group = 4;
  parameters.lanes = 8;
  parameters.tile = 64;
  const ConvolutionGeometry wide{.n = 16, .c = 40, .h = 20, .w = 21, .k = 10, .r = 3, .s = 3, .padding = 1};
  const ConvolutionGeometry deep{.n = 70, .c = 64, .h = 3, .w = 3, .k = 9, .r = 3, .s = 3, .stride = 2, .padding = 1};
  for (const ConvolutionGeometry& geometry : {wide, deep}) {
    const LayerCase layer = make_layer(geometry, 0.5, 0.6, 0.1, 9);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      EXPECT_EQ(describe(fast_model(phase, layer, parameters)), describe(loop_model(phase, layer, parameters).counts))
          << to_string(phase);
    }
  }
}

// Nothing skipped: every cycle and MAC from the shape alone.
TEST(ContractionModel, DenseClosedForm) {
  ProcessorParameters dense =
      load_processor("dense-28nm", {"grouping=4x2x1", "memory.bandwidth_GBps=10000", "memory.latency_ns=0"});
  // 16x16 pixels of 64 images: 32 full tiles of 512 / 8 = 64 cycles a visit. FF, WG: 64 channels = 4 blocks x 32 tiles
  // = 128 items of 32*9 visits on 8 groups. BP with 4x2x1: 32 channels = 2 blocks, so half of the groups have nothing.
  const ConvolutionGeometry g{.n = 64, .c = 32, .h = 16, .w = 16, .k = 64, .r = 3, .s = 3, .padding = 1};
  const LayerCase layer = make_layer(g, 0.3, 0.3, 0.1, 3);
  for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
    const PhaseCounts counts = fast_model(phase, layer, dense);
    const int64_t busy = phase == Phase::BP ? 64 / 4 * 64 * 9 * 64 : 128 / 8 * 32 * 9 * 64;
    EXPECT_EQ(counts.effectual_macs, g.dense_macs());
    EXPECT_GE(counts.compute_cycles, busy);
    EXPECT_LE(counts.compute_cycles, busy + busy / 50) << "filling the queues and draining the last items";
    EXPECT_EQ(counts.events[Event::lane_active], g.dense_macs()) << "every lane of every visit busy";
    EXPECT_EQ(counts.events[Event::bitmap_scan] + counts.events[Event::bitmap_read], 0);
  }
  EXPECT_EQ(fast_model(Phase::FF, layer, dense).events[Event::operand_read], 4 * 32 * 9 * 64 * 256);
  EXPECT_EQ(fast_model(Phase::FF, layer, dense).events[Event::dram_read], 2 * (64 * 32 * 256 + 64 * 32 * 9));
}

TEST(ContractionModel, SameForAnyNumberOfThreads) {
  const ConvolutionGeometry g{.n = 24, .c = 33, .h = 17, .w = 18, .k = 50, .r = 3, .s = 3, .padding = 1};
  const LayerCase layer = make_layer(g, 0.5, 0.7, 0.2, 4);
  ProcessorParameters parameters = random_processor(1);
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;
  const int before = thread_count();
  for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
    set_thread_count(1);
    const std::string one = describe(fast_model(phase, layer, parameters));
    for (const int threads : {2, 3, 7}) {
      set_thread_count(threads);
      EXPECT_EQ(describe(fast_model(phase, layer, parameters)), one) << threads;
    }
  }
  set_thread_count(before);
}

// A layer whose tensors change between steps: what was kept of the old ones must not be used.
TEST(ContractionModel, FollowsItsTensorsFromStepToStep) {
  const ConvolutionGeometry g{.n = 8, .c = 3, .h = 6, .w = 6, .k = 4, .r = 3, .s = 3, .padding = 1};
  ProcessorParameters parameters = random_processor(1);
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;
  parameters.lanes = 4;
  for (const char* dataflow : {"weight-compressed", "activation-compressed"}) {
    parameters.dataflow = dataflow;
    ContractionModel model(g, parameters, std::make_shared<LayerCounts>(g, parameters.tile, parameters.lanes));
    for (uint64_t step = 1; step <= 3; ++step) {
      const LayerCase layer = make_layer(g, 0.5, step == 2 ? 0.7 : 1.0, 0.5, step);
      const LayerBitmaps bitmaps(layer);
      const BitmapView X{bitmaps.X, static_cast<int64_t>(2 * step)};
      const BitmapView dZ{bitmaps.dZ, static_cast<int64_t>(2 * step + 1)};
      const auto expected = [&](Phase phase) { return describe(loop_model(phase, layer, parameters).counts); };
      EXPECT_EQ(describe(model.feedforward(layer.W(), X).counts), expected(Phase::FF));
      EXPECT_EQ(describe(model.weight_gradient(layer.W(), X, dZ).counts), expected(Phase::WG));
      EXPECT_EQ(describe(model.backpropagation(layer.W(), X, dZ).counts), expected(Phase::BP));
    }
  }
}

// Every dataflow in hindsight is what a processor pinned to it takes.
TEST(ContractionModel, HindsightIsEveryPinnedDataflow) {
  ProcessorParameters parameters = random_processor(1);
  parameters.groups = 4;
  parameters.lanes = 4;
  parameters.tile = 64;
  parameters.dataflow = parameters.grouping = parameters.assignment = "adaptive";
  const std::vector<Dataflow> all = all_dataflows(parameters);
  ASSERT_EQ(all.size(), 2U * (6 * 2 + 3)) << "items that choose their group: one for each gc";
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const LayerCase layer = random_layer(seed);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      const PhaseOutcome outcome = fast_outcome(phase, layer, parameters, true);
      ASSERT_EQ(outcome.hindsight.size(), all.size());
      for (size_t i = 0; i < all.size(); ++i) {
        if (phase == Phase::FF && parameters.speculates_feedforward && !layer.skipped.empty() &&
            all[i].grouping.input_channels > 1) {
          EXPECT_EQ(outcome.hindsight[i].cycles, 0) << "speculated FF has no slices";
          continue;
        }
        const PhaseCounts pinned = loop_model_in(all[i], phase, layer, parameters);
        EXPECT_EQ(outcome.hindsight[i].cycles, pinned.cycles) << to_string(all[i]);
        EXPECT_EQ(outcome.hindsight[i].compute_cycles, pinned.compute_cycles) << to_string(all[i]);
        EXPECT_EQ(pinned.effectual_macs, outcome.counts.effectual_macs) << "MACs do not depend on the dataflow";
      }
    }
  }
}

}  // namespace
}  // namespace trainer
