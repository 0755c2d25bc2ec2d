#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "processor/golden/the_machine.h"
#include "processor/golden/values.h"
#include "tensor/scaled_format.h"

// Section 16 of docs/processor-contract.md: real values, whose sums depend on their order, bit for bit.

namespace trainer::golden_test {
namespace {

using golden::Assignment;
using golden::Compress;
using golden::Dataflow;
using golden::Phase;

struct Bits {
  int64_t value_bits;
  FloatFormat forward, gradient;
};

void round_all(std::span<float> values, const FloatFormat& format, float scale) {
  for (float& value : values) {
    value = round_to(ScaledFormat{format}, value * scale);
  }
}

/// Operands of the format over many powers of two, subnormal ones among them.
Case real_case(const ConvolutionGeometry& geometry, const Bits& bits, double density) {
  Case c;
  c.layer = make_layer(geometry, density, density, density, 5);
  Random random(17);
  for (auto values : {c.layer.X.values(), c.layer.dZ.values(), std::span<float>(c.layer.weights)}) {
    for (float& value : values) {
      value = value == 0 ? 0 : random.normal() * std::ldexp(1.0F, static_cast<int>(random.below(12)) - 8);
    }
  }
  round_all(c.layer.X.values(), bits.forward, 1);
  round_all(std::span<float>(c.layer.weights), bits.forward, 0.5F);
  round_all(c.layer.dZ.values(), bits.gradient, std::ldexp(1.0F, -6));
  c.processor.groups = 4;
  c.processor.pes = 3;
  c.processor.lanes = 4;
  c.processor.tile = 512;
  c.processor.value_bits = bits.value_bits;
  c.processor.estimator_lanes = 8;
  c.processor.skip_input_zeros = c.processor.skip_weight_zeros = c.processor.skip_pruned_gradients = true;
  return c;
}

const Bits kFormats[] = {{16, kBinary16, kBinary16}, {8, kE4M3, kE5M2}};
/// 9 images of 9 x 8 pixels are 1,152 places: three tiles of WG.
const ConvolutionGeometry kGeometries[] = {
    {.n = 9, .c = 6, .h = 9, .w = 8, .k = 10, .r = 3, .s = 3, .stride = 1, .padding = 1},
    {.n = 9, .c = 6, .h = 9, .w = 8, .k = 10, .r = 3, .s = 2, .stride = 2, .padding = 1, .dilation = 2, .groups = 2},
    {.n = 30, .c = 40, .k = 20},
};

/// Of four groups; `balanced` is `dynamic` with fewer choices.
std::vector<Dataflow> dataflows(int64_t gc) {
  std::vector<Dataflow> list;
  for (const Compress compress : {Compress::weights, Compress::activations}) {
    list.push_back({compress, 1, 4 / gc, gc, Assignment::in_order});
    if (gc < 4) {
      list.push_back({compress, 2, 2 / gc, gc, Assignment::balanced});
      list.push_back({compress, 4 / gc, 1, gc, Assignment::dynamic});
    }
  }
  return list;
}

/// Results as they are stored, and as they were summed up: rounding hides most of what another order would do.
void expect_values(Phase phase, const Case& c, int64_t gc, const ProcessorOrder& order) {
  constexpr golden::NumberFormat kFP32{-126, 23, std::numeric_limits<float>::max(), false, 0};
  const std::vector<float> reference = reference_output(phase, c, order);
  const std::vector<float> sums = reference_sums(phase, c, order);
  const golden::Layer layer = golden_layer(c);
  golden::Layer not_rounded = layer;
  not_rounded.formats = golden::formats_of(c.processor.value_bits);
  not_rounded.formats->Z = not_rounded.formats->dX = kFP32;
  for (const Dataflow& dataflow : dataflows(gc)) {
    const auto difference = [&](const golden::Layer& of, const std::vector<float>& expected) {
      return value_difference(machine().run(phase, of, c.processor, dataflow).output, expected);
    };
    const std::string where = fmt::format("{} of {} bits on {}x{}x{}", to_string(c.layer.geometry),
                                          c.processor.value_bits, dataflow.gk, dataflow.gp, dataflow.gc);
    EXPECT_EQ(difference(not_rounded, sums), "") << where;
    if (phase != Phase::WG && dataflow == dataflows(gc).front()) {
      EXPECT_EQ(difference(layer, reference), "") << where;
    }
  }
}

TEST(GoldenValues, FeedforwardAndBackpropagationAreTheEnginesBitForBit) {
  for (const Bits& bits : kFormats) {
    for (const ConvolutionGeometry& geometry : kGeometries) {
      Case c = real_case(geometry, bits, 0.7);
      c.processor.tile = 128;  // so that tiles of FF and BP share pixels of dX
      for (const Phase phase : {Phase::FF, Phase::BP}) {
        for (const int64_t gc : {1, 2, 4}) {
          expect_values(phase, c, gc, {.slices = gc});
        }
      }
    }
  }
}

TEST(GoldenValues, WeightGradientIsTheEnginesBitForBit) {
  for (const Bits& bits : kFormats) {
    for (const ConvolutionGeometry& geometry : kGeometries) {
      for (const int64_t tile : {512, 128}) {  // 512: what the engine trains with
        Case c = real_case(geometry, bits, 0.7);
        c.processor.tile = tile;
        for (const int64_t gc : {1, 4}) {
          expect_values(Phase::WG, c, gc, {.tile = tile});
        }
      }
    }
  }
}

/// Not what another memory or other queues make of it: slow DRAM, small buffers, one item in a queue.
TEST(GoldenValues, DoNotDependOnTime) {
  Case c = real_case(kGeometries[0], kFormats[0], 0.7);
  c.processor.tile = 128;
  c.processor.activations_KB = c.processor.weights_KB = c.processor.outputs_KB = 1;
  for (const bool slow : {true, false}) {
    c.processor.latency_ns = slow ? 100000 : 0;
    c.processor.drain = slow ? 1 : 512;
    c.processor.fifo_depth = slow ? 1 : 16;
    expect_values(Phase::FF, c, 2, {.slices = 2});
    expect_values(Phase::BP, c, 2, {.slices = 2});
    expect_values(Phase::WG, c, 1, {.tile = 128});
  }
}

TEST(GoldenValues, SkippedOutputsHoldTheEstimate) {
  for (const Bits& bits : kFormats) {
    Case c = real_case(kGeometries[0], bits, 0.8);
    c.processor.speculation_feedforward = c.processor.speculation_backpropagation = true;
    c.input_is_rectified = true;
    c.skipped.resize(static_cast<size_t>(c.layer.geometry.output().size()));
    for (size_t i = 0; i < c.skipped.size(); ++i) {
      c.skipped[i] = i * 7 % 3 == 0 ? 1 : 0;
    }
    const golden::Layer layer = golden_layer(c);
    for (const Phase phase : {Phase::FF, Phase::BP}) {
      const std::vector<float> reference = reference_output(phase, c);
      for (const Compress compress : {Compress::weights, Compress::activations}) {
        const golden::Result result = machine().run(phase, layer, c.processor, {compress, 4, 1, 1});
        EXPECT_EQ(value_difference(result.output, reference), "") << bits.value_bits << " bits";
        EXPECT_GT(result.counts.skipped_by_output, 0);
        EXPECT_GT(result.counts.mac, 0);
      }
    }
  }
}

/// The order matters: what adds in another one gives other bits.
TEST(GoldenValues, AnotherOrderGivesOtherBits) {
  const Case c = real_case(kGeometries[0], kFormats[0], 0.7);
  EXPECT_NE(reference_sums(Phase::WG, c, {.tile = 64}), reference_sums(Phase::WG, c));
  EXPECT_NE(reference_sums(Phase::BP, c, {.slices = 2}), reference_sums(Phase::BP, c, {.slices = 4}));
  EXPECT_NE(reference_sums(Phase::FF, c, {.slices = 2}), reference_sums(Phase::FF, c));
}

}  // namespace
}  // namespace trainer::golden_test
