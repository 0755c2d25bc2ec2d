#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "processor/golden/the_machine.h"

namespace trainer::golden_test {
namespace {

golden::BatchNorm some_layer() {
  golden::BatchNorm layer;
  layer.n = 6;
  layer.c = 3;
  layer.h = 4;
  layer.w = 5;
  Random random(4);
  for (int64_t i = 0; i < layer.n * layer.c * layer.h * layer.w; ++i) {
    layer.Z.push_back(random.normal() + 10);
    layer.dY.push_back(random.normal());
  }
  layer.gamma = {0.5F, 1, 2};
  layer.beta = {0, -1, 3};
  return layer;
}

/// BN in double precision from its definition.
void definition(const golden::BatchNorm& layer, std::vector<double>& Y, std::vector<double>& dZ) {
  const int64_t pixels = layer.h * layer.w;
  const double count = static_cast<double>(layer.n * pixels);
  Y.resize(layer.Z.size());
  dZ.resize(layer.Z.size());
  for (int64_t c = 0; c < layer.c; ++c) {
    std::vector<size_t> elements;
    for (int64_t n = 0; n < layer.n; ++n) {
      for (int64_t i = 0; i < pixels; ++i) {
        elements.push_back(static_cast<size_t>((n * layer.c + c) * pixels + i));
      }
    }
    double mean = 0;
    double variance = 0;
    for (const size_t i : elements) {
      mean += static_cast<double>(layer.Z[i]) / count;
    }
    for (const size_t i : elements) {
      variance += (layer.Z[i] - mean) * (layer.Z[i] - mean) / count;
    }
    const double inverse = 1 / std::sqrt(variance + static_cast<double>(layer.epsilon));
    const auto normal = [&](size_t i) { return (layer.Z[i] - mean) * inverse; };
    double s1 = 0;
    double s2 = 0;
    for (const size_t i : elements) {
      s1 += static_cast<double>(layer.dY[i]) / count;
      s2 += static_cast<double>(layer.dY[i]) * normal(i) / count;
    }
    const auto channel = static_cast<size_t>(c);
    for (const size_t i : elements) {
      Y[i] = layer.gamma[channel] * normal(i) + layer.beta[channel];
      dZ[i] = layer.gamma[channel] * inverse * (layer.dY[i] - s1 - normal(i) * s2);
    }
  }
}

/// A unit and what stands around it, with the counts of section 10 per element: forward, then backward.
struct Surroundings {
  bool decoupled;
  bool from_contraction;
  int64_t applied_on_load;
  bool has_bp;
  struct PerElement {
    int64_t passes, reads, writes, additions, multiplications;
  } forward, backward;
};

class GoldenBatchNorm : public testing::TestWithParam<Surroundings> {};

void expect_counts(const golden::Counts& counts, const Surroundings::PerElement& expected) {
  constexpr int64_t kElements = 360;
  constexpr int64_t kBytes = 720;                              // of a tensor; one byte per cycle
  EXPECT_EQ(counts.compute_cycles, expected.passes * 52 + 3);  // ceil(360 / 7), three channels
  EXPECT_EQ(counts.dram_read, expected.reads * kBytes);
  EXPECT_EQ(counts.dram_write, expected.writes * kBytes);
  EXPECT_EQ(counts.activation_read, expected.reads * kBytes * 8);
  EXPECT_EQ(counts.activation_write, expected.writes * kBytes * 8);
  EXPECT_EQ(counts.memory_cycles, (expected.reads + expected.writes) * kBytes);
  EXPECT_EQ(counts.cycle, std::max(counts.compute_cycles, counts.memory_cycles));
  EXPECT_EQ(counts.lane_idle, counts.cycle);
  EXPECT_EQ(counts.fp32_add, expected.additions * kElements);
  EXPECT_EQ(counts.fp32_multiply, expected.multiplications * kElements);
  EXPECT_EQ(counts.bn_channel, 3);
}

TEST_P(GoldenBatchNorm, ComputesWhatItCounts) {
  golden::BatchNorm layer = some_layer();
  layer.input_from_contraction = GetParam().from_contraction;
  layer.applied_on_load = GetParam().applied_on_load;
  layer.contraction_has_bp = GetParam().has_bp;
  golden::Processor processor;
  processor.decoupled_batchnorm = GetParam().decoupled;
  processor.batchnorm_elements = 7;
  std::vector<double> Y;
  std::vector<double> dZ;
  definition(layer, Y, dZ);
  const golden::Result forward = machine().batchnorm_feedforward(layer, processor);
  const golden::Result backward = machine().batchnorm_backpropagation(layer, processor);
  for (size_t i = 0; i < Y.size(); ++i) {
    EXPECT_NEAR(forward.output[i], Y[i], 1e-4);
    EXPECT_NEAR(backward.output[i], dZ[i], 1e-4);
  }
  expect_counts(forward.counts, GetParam().forward);
  expect_counts(backward.counts, GetParam().backward);

  golden::Processor quick_memory = processor;
  quick_memory.bandwidth_MBps = 10000;
  EXPECT_EQ(machine().batchnorm_backpropagation(layer, quick_memory).counts.cycle, backward.counts.compute_cycles);
}

INSTANTIATE_TEST_SUITE_P(Units, GoldenBatchNorm,
                         testing::Values(Surroundings{false, true, 1, true, {3, 3, 1, 4, 2}, {2, 4, 1, 5, 3}},
                                         Surroundings{true, true, 1, true, {0, 0, 0, 5, 3}, {0, 3, 0, 7, 5}},
                                         Surroundings{true, true, 2, false, {0, 0, 0, 7, 5}, {0, 2, 0, 5, 3}},
                                         Surroundings{true, true, 0, true, {1, 1, 1, 4, 2}, {0, 3, 0, 7, 5}},
                                         Surroundings{true, false, 0, true, {2, 2, 1, 4, 2}, {1, 3, 1, 5, 3}},
                                         Surroundings{true, false, 1, true, {1, 1, 0, 5, 3}, {1, 3, 1, 5, 3}}));

TEST(GoldenUpdate, IsMomentumSgdOfTheUnprunedWeights) {
  golden::Update step;
  step.weight = {1, 2, 0};
  step.momentum = {0.5F, 0, 0};
  step.gradient = {0.25F, -1, 8};
  step.unpruned = {1, 1, 0};
  step.rate = 0.5F;
  step.momentum_factor = 0.5F;
  step.decay = 0.25F;
  golden::Processor processor;
  processor.skip_pruned_gradients = true;
  const golden::UpdateResult result = machine().update(step, processor);
  // m = m/2 + (g + w/4), w -= m/2
  EXPECT_EQ(result.momentum, (std::vector<float>{0.75F, -0.5F, 0}));
  EXPECT_EQ(result.weight, (std::vector<float>{0.625F, 2.25F, 0}));
  EXPECT_EQ(result.counts.compute_cycles, 2);
  EXPECT_EQ(result.counts.cycle, 40);  // 2 * 20 bytes, one per cycle
  EXPECT_EQ(result.counts.fp32_add, 6);
  EXPECT_EQ(result.counts.activation_write, 160);
}

}  // namespace
}  // namespace trainer::golden_test
