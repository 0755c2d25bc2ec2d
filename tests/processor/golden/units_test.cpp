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

class GoldenBatchNorm : public testing::TestWithParam<bool> {};

TEST_P(GoldenBatchNorm, ComputesWhatItCounts) {
  const golden::BatchNorm layer = some_layer();
  golden::Processor processor;
  processor.decoupled_batchnorm = GetParam();
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
  const int64_t pass = GetParam() ? 0 : 52;                // ceil(360 / 7)
  EXPECT_EQ(forward.counts.compute_cycles, 3 * pass + 3);  // three channels
  EXPECT_EQ(backward.counts.compute_cycles, 2 * pass + 3);
  // One byte per cycle; 720 bytes in a tensor.
  EXPECT_EQ(forward.counts.memory_cycles, GetParam() ? 0 : 4 * 720);
  EXPECT_EQ(backward.counts.memory_cycles, GetParam() ? 2 * 720 : 5 * 720);
  EXPECT_EQ(forward.counts.cycle, GetParam() ? 3 : 4 * 720);
  EXPECT_EQ(forward.counts.lane_idle, forward.counts.cycle);

  golden::Processor quick_memory = processor;
  quick_memory.bandwidth_MBps = 10000;
  EXPECT_EQ(machine().batchnorm_backpropagation(layer, quick_memory).counts.cycle, GetParam() ? 3 : 2 * pass + 3);
}

INSTANTIATE_TEST_SUITE_P(Units, GoldenBatchNorm, testing::Bool());

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
  EXPECT_EQ(result.counts.buffer_write, 160);
}

}  // namespace
}  // namespace trainer::golden_test
