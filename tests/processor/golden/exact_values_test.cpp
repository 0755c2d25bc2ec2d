#include <gtest/gtest.h>

#include <cmath>

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

/// FF and BP in every dataflow without slices.
TEST(GoldenValues, FeedforwardAndBackpropagationAreTheEnginesBitForBit) {
  for (const Bits& bits : kFormats) {
    for (const ConvolutionGeometry& geometry : kGeometries) {
      const Case c = real_case(geometry, bits, 0.7);
      const golden::Layer layer = golden_layer(c);
      for (const Phase phase : {Phase::FF, Phase::BP}) {
        const std::vector<float> reference = reference_output(phase, c);
        for (const Compress compress : {Compress::weights, Compress::activations}) {
          for (const Assignment assignment : {Assignment::in_order, Assignment::balanced, Assignment::dynamic}) {
            const Dataflow dataflow{compress, 2, 2, 1, assignment};
            EXPECT_EQ(value_difference(machine().run(phase, layer, c.processor, dataflow).output, reference), "")
                << to_string(geometry) << " of " << bits.value_bits << " bits";
          }
        }
      }
    }
  }
}

/// WG in every dataflow that adds tiles in their order.
TEST(GoldenValues, WeightGradientIsTheEnginesBitForBit) {
  for (const Bits& bits : kFormats) {
    for (const ConvolutionGeometry& geometry : kGeometries) {
      const Case c = real_case(geometry, bits, 0.7);
      const golden::Layer layer = golden_layer(c);
      const std::vector<float> reference = reference_output(Phase::WG, c);
      for (const Compress compress : {Compress::weights, Compress::activations}) {
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced}) {
          for (const int64_t gc : {1, 2, 4}) {
            const Dataflow dataflow{compress, 4 / gc, 1, gc, assignment};
            EXPECT_EQ(value_difference(machine().run(Phase::WG, layer, c.processor, dataflow).output, reference), "")
                << to_string(geometry) << " of " << bits.value_bits << " bits";
          }
        }
      }
    }
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
  const golden::Layer layer = golden_layer(c);
  const auto run = [&](Phase phase, const Dataflow& dataflow) {
    return machine().run(phase, layer, c.processor, dataflow).output;
  };
  const std::vector<float> tiles_of_512 = run(Phase::WG, {Compress::weights, 4, 1, 1});
  Case small_tiles = c;
  small_tiles.processor.tile = 64;
  EXPECT_NE(machine().run(Phase::WG, layer, small_tiles.processor, {Compress::weights, 4, 1, 1}).output, tiles_of_512);
}

}  // namespace
}  // namespace trainer::golden_test
