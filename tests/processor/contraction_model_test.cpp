#include "processor/contraction_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/parallel.h"
#include "processor/loop_model.h"
#include "processor/random_layer.h"

namespace trainer {
namespace {

PhaseCounts fast_model(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters) {
  const LayerBitmaps bitmaps(layer);
  ContractionModel model(layer.geometry, parameters);
  return phase == Phase::FF   ? model.feedforward(layer.W(), {bitmaps.X, 1})
         : phase == Phase::BP ? model.backpropagation(layer.W(), bitmaps.dZ)
                              : model.weight_gradient(layer.W(), {bitmaps.X, 1}, bitmaps.dZ);
}

std::string describe(const PhaseCounts& counts) {
  std::string text = fmt::format("dense {} effectual {} input {} weight {} output {} cycles {}", counts.dense_macs,
                                 counts.effectual_macs, counts.skipped_by_input, counts.skipped_by_weight,
                                 counts.skipped_by_output, counts.cycles);
  for (const EventEntry& entry : event_table()) {
    text += fmt::format(" {} {}", entry.name, counts.events[entry.event]);
  }
  return text;
}

TEST(ContractionModel, EqualsTheLoopModelOnRandomLayers) {
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    const LayerCase layer = random_layer(seed);
    const ProcessorParameters parameters = random_processor(seed);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      const PhaseCounts expected = loop_model(phase, layer, parameters);
      const PhaseCounts counted = fast_model(phase, layer, parameters);
      ASSERT_EQ(describe(counted), describe(expected)) << to_string(phase) << " seed " << seed;
      EXPECT_EQ(counted.dense_macs, layer.geometry.dense_macs());
      EXPECT_EQ(counted.dense_macs, counted.effectual_macs + counted.skipped_by_input + counted.skipped_by_weight +
                                        counted.skipped_by_output);
    }
  }
}

// Many tiles and channels: every block width, several chunks of windows.
TEST(ContractionModel, EqualsTheLoopModelOnLargerLayers) {
  ProcessorParameters parameters = random_processor(1);
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;
  parameters.groups = 3;
  parameters.pes_per_group = 4;
  parameters.lanes = 8;
  parameters.tile = 64;
  const ConvolutionGeometry wide{.n = 16, .c = 40, .h = 20, .w = 21, .k = 10, .r = 3, .s = 3, .padding = 1};
  const ConvolutionGeometry deep{.n = 70, .c = 64, .h = 3, .w = 3, .k = 9, .r = 3, .s = 3, .stride = 2, .padding = 1};
  for (const ConvolutionGeometry& geometry : {wide, deep}) {
    const LayerCase layer = make_layer(geometry, 0.5, 0.6, 0.1, 9);
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      EXPECT_EQ(describe(fast_model(phase, layer, parameters)), describe(loop_model(phase, layer, parameters)))
          << to_string(phase);
    }
  }
}

// The worked example of docs/processor-contract.md, section 9: G = 1, P = 2, L = 2, T = 64; 4 images of one row of
// 3 pixels, one input and two output channels, a 3 x 3 kernel with padding 1.
TEST(ContractionModel, WorkedExample) {
  LayerCase layer;
  layer.geometry = {.n = 4, .c = 1, .h = 1, .w = 3, .k = 2, .r = 3, .s = 3, .padding = 1};
  layer.X = Tensor(layer.geometry.input());
  layer.dZ = Tensor(layer.geometry.output());
  // X, images 0..3 of pixel 0, 1, 2: 3 + 0 + 2 non-zeros.
  const std::vector<float> x = {1, 2, 3, 0, /**/ 0, 0, 0, 0, /**/ 0, 4, 5, 0};
  std::copy(x.begin(), x.end(), layer.X.data());
  // dZ channel 0 has no zero, channel 1: 1 + 0 + 4.
  const std::vector<float> dz = {1, 1, 1, 1, /**/ 1, 1, 1, 1, /**/ 1, 1, 1, 1,  //
                                 0, 0, 2, 0, /**/ 0, 0, 0, 0, /**/ 2, 2, 2, 2};
  std::copy(dz.begin(), dz.end(), layer.dZ.data());
  // Kept: W[0][1][0], W[0][1][1]; W[1][1][1] (zero-valued), W[1][1][2].
  layer.pattern = Pattern::from_rows(2, 9, {0, 2, 4}, {3, 4, 4, 5});
  layer.weights = {0.5F, -1, 0, 2};
  ProcessorParameters parameters = random_processor(1);
  parameters.groups = 1;
  parameters.pes_per_group = 2;
  parameters.lanes = 2;
  parameters.tile = 64;
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;

  // Positions 3 pixels x 4 images = 12, 24 with the batch padded to 8: one tile. Dense: 12 x 2 x 9 = 216.
  const PhaseCounts ff = fast_model(Phase::FF, layer, parameters);
  EXPECT_EQ(ff.dense_macs, 216);
  // k=0: (1,0) sees padding, pixel 0, pixel 1: 0+3+0 = 3 MACs, 2 cycles; (1,1) sees 3+0+2 = 5, 3 cycles.
  // k=1: (1,1) is zero; (1,2) sees pixel 1, pixel 2, padding: 0+2+0 = 2, 1 cycle.
  EXPECT_EQ(ff.effectual_macs, 3 + 5 + 2);
  EXPECT_EQ(ff.skipped_by_weight, 216 - 3 * 12);
  EXPECT_EQ(ff.skipped_by_input, 3 * 12 - 10);
  EXPECT_EQ(ff.skipped_by_output, 0);
  EXPECT_EQ(ff.cycles, std::max(2 + 3, 1));
  EXPECT_EQ(ff.events[Event::lane_active], (5 + 1) * 2);
  EXPECT_EQ(ff.events[Event::lane_idle], (2 * 5 - 6) * 2);
  EXPECT_EQ(ff.events[Event::bitmap_scan], 3 * 64);
  EXPECT_EQ(ff.events[Event::bitmap_read], 1 * 1 * 1 * 64);
  EXPECT_EQ(ff.events[Event::operand_read], 10);
  EXPECT_EQ(ff.events[Event::accumulate], 10);
  // X: 5 x 16 + 12 bits; W: 3 x 16 + 18 bits.
  EXPECT_EQ(ff.events[Event::buffer_read], 92 + 66);
  EXPECT_EQ(ff.events[Event::buffer_write], 24 * 16);
  EXPECT_EQ(ff.events[Event::dram_read], 12 + 9);
  EXPECT_EQ(ff.events[Event::dram_write], 48);

  const PhaseCounts bp = fast_model(Phase::BP, layer, parameters);
  // One output channel, so one PE. W[0](1,0): positions 1, 2 (position 0 would go into the padding): 4+4 = 8, 4 cycles.
  // W[0](1,1): 12, 6 cycles. W[1](1,2): positions 0, 1 (2 goes into the padding): 1+0 = 1, 1 cycle.
  EXPECT_EQ(bp.effectual_macs, 8 + 12 + 1);
  EXPECT_EQ(bp.cycles, 4 + 6 + 1);
  EXPECT_EQ(bp.skipped_by_weight, 216 - 3 * 12);
  EXPECT_EQ(bp.skipped_by_output, 4 + 4);
  EXPECT_EQ(bp.skipped_by_input, 3 * 12 - 8 - 21);
  EXPECT_EQ(bp.events[Event::lane_active], 11 * 2);
  EXPECT_EQ(bp.events[Event::lane_idle], 11 * 2);
  EXPECT_EQ(bp.events[Event::bitmap_read], 1 * 1 * 2 * 64);
  EXPECT_EQ(bp.events[Event::buffer_read], (17 * 16 + 24) + 66);

  const PhaseCounts wg = fast_model(Phase::WG, layer, parameters);
  // Four unpruned positions. k=0 (dZ full): 3 and 5 as in FF. k=1: (1,1) meets X 3,0,2 with dZ 1,0,4: image 2 of pixel
  // 0 is in both, images 1, 2 of pixel 2: 1+0+2 = 3, 2 cycles; (1,2) meets pixel 1, pixel 2, padding with dZ of
  // positions 0, 1, 2: 0+0+0 = 0, and an empty visit still takes a cycle.
  EXPECT_EQ(wg.effectual_macs, 3 + 5 + 3 + 0);
  EXPECT_EQ(wg.cycles, std::max(2 + 3, 2 + 1));
  EXPECT_EQ(wg.skipped_by_output, 216 - 4 * 12);
  EXPECT_EQ(wg.skipped_by_input, 4 * 12 - 11);
  EXPECT_EQ(wg.events[Event::lane_active], (5 + 3) * 2);
  EXPECT_EQ(wg.events[Event::bitmap_scan], 2 * 4 * 64);
  EXPECT_EQ(wg.events[Event::bitmap_read], (1 + 2) * 64);
  EXPECT_EQ(wg.events[Event::operand_read], 2 * 11);
  EXPECT_EQ(wg.events[Event::accumulate], 4);
  EXPECT_EQ(wg.events[Event::buffer_read], 92 + (17 * 16 + 24) + 18 + 4 * 32);
  EXPECT_EQ(wg.events[Event::buffer_write], 4 * 32);
  EXPECT_EQ(wg.events[Event::dram_read], 12 + 37 + 3);
  EXPECT_EQ(wg.events[Event::dram_write], 4 * 2);
}

// Nothing skipped: every cycle and MAC from the shape alone.
TEST(ContractionModel, DenseClosedForm) {
  ProcessorParameters dense = random_processor(1);
  dense.skip_input_zeros = dense.skip_weight_zeros = dense.skip_pruned_gradients = false;
  dense.groups = 8;
  dense.pes_per_group = 16;
  dense.lanes = 8;
  dense.tile = 512;
  // 16x16 pixels of 64 images: 32 full tiles of 512 / 8 = 64 cycles a visit. FF, WG: 64 channels = 4 blocks x 32 tiles
  // = 128 items = 16 rounds of 32*9 visits. BP: 32 channels = 2 blocks, 64 items = 8 rounds of 64*9 visits.
  const ConvolutionGeometry g{.n = 64, .c = 32, .h = 16, .w = 16, .k = 64, .r = 3, .s = 3, .padding = 1};
  const LayerCase layer = make_layer(g, 0.3, 0.3, 0.1, 3);
  for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
    const PhaseCounts counts = fast_model(phase, layer, dense);
    EXPECT_EQ(counts.effectual_macs, g.dense_macs());
    EXPECT_EQ(counts.cycles, 16 * 32 * 9 * 64);
    EXPECT_EQ(counts.cycles * 8 * 16 * 8, g.dense_macs()) << "every lane busy in every cycle";
    EXPECT_EQ(counts.events[Event::lane_idle], 0);
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

// A layer whose X changes between steps: what was kept of the old X must not be used.
TEST(ContractionModel, FollowsItsTensorsFromStepToStep) {
  const ConvolutionGeometry g{.n = 8, .c = 3, .h = 6, .w = 6, .k = 4, .r = 3, .s = 3, .padding = 1};
  ProcessorParameters parameters = random_processor(1);
  parameters.skip_input_zeros = parameters.skip_weight_zeros = parameters.skip_pruned_gradients = true;
  ContractionModel model(g, parameters);
  for (uint64_t step = 1; step <= 3; ++step) {
    const LayerCase layer = make_layer(g, 0.5, 1.0, 0.5, step);
    const LayerBitmaps bitmaps(layer);
    const auto serial = static_cast<int64_t>(step);
    EXPECT_EQ(model.feedforward(layer.W(), {bitmaps.X, serial}), loop_model(Phase::FF, layer, parameters));
    EXPECT_EQ(model.weight_gradient(layer.W(), {bitmaps.X, serial}, bitmaps.dZ),
              loop_model(Phase::WG, layer, parameters));
    EXPECT_EQ(model.backpropagation(layer.W(), bitmaps.dZ), loop_model(Phase::BP, layer, parameters));
  }
}

}  // namespace
}  // namespace trainer
