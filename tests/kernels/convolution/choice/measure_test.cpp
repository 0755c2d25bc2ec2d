#include "kernels/convolution/choice/measure.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/cpu_features.h"

namespace trainer {
namespace {

PerPhase<CostModel> measured(const char* problem, Format format = Format::fp32) {
  const std::vector<ConvolutionGeometry> one = {parse_convolution_problem(problem).geometry};
  return measure_cost_models(one, format).front();
}

void expect_a_time(const SparseCost& cost) {
  EXPECT_GE(cost.fixed_s, 0);
  EXPECT_GE(cost.per_density_s, 0);
  EXPECT_GT(cost.seconds(1), 0);
  EXPECT_LT(cost.seconds(1), 10);
}

class Measure : public testing::TestWithParam<const char*> {};

TEST_P(Measure, GivesTimesForEveryPhase) {
  const PerPhase<CostModel> models = measured(GetParam());
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    const CostModel& model = models[phase];
    expect_a_time(model.highway);
    EXPECT_FALSE(model.half) << to_string(phase);
    EXPECT_GT(model.onednn_s, 0) << to_string(phase);
    EXPECT_LT(model.onednn_s, 10) << to_string(phase);
  }
}

// A usual one, a single weight, depthwise, a linear layer, a last piece of the batch that is smaller.
INSTANTIATE_TEST_SUITE_P(Shapes, Measure,
                         testing::Values("n4c16k16h8r3p1", "n1c1k1h1r1", "n3c8k8h6r3p1g8", "n5c32k10h1r1",
                                         "n17c8k12h7r3s2p1"));

TEST(Measure, MoreWeightsTakeLonger) {
  // Work enough that packing cannot hide it: without a slope every density would run on highway.
  const PerPhase<CostModel> models = measured("n8c64k64h8r3p1");
  EXPECT_GT(models[ConvolutionPhase::feedforward].highway.per_density_s, 0);
  EXPECT_GT(models[ConvolutionPhase::backpropagation].highway.per_density_s, 0);
}

TEST(Measure, InFp16ThereIsHalfWhereTheCpuHasArithmeticForIt) {
  const PerPhase<CostModel> models = measured("n17c8k12h7r3s2p1", Format::fp16);
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    expect_a_time(models[phase].highway);
    ASSERT_EQ(models[phase].half.has_value(), cpu_has_half_arithmetic());
    if (models[phase].half) {
      expect_a_time(*models[phase].half);
    }
    EXPECT_GT(models[phase].onednn_s, 0);
  }
}

TEST(Measure, EachShapeGetsItsOwnModels) {
  // Smallest first: they are measured the other way round.
  const std::vector<ConvolutionGeometry> shapes = {parse_convolution_problem("n1c2k2h2r1").geometry,
                                                   parse_convolution_problem("n16c32k32h8r3p1").geometry,
                                                   parse_convolution_problem("n16c64k64h16r3p1").geometry};
  const auto models = measure_cost_models(shapes, Format::fp32);
  ASSERT_EQ(models.size(), 3U);
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    EXPECT_LT(models[0][phase].onednn_s, models[1][phase].onednn_s);
    EXPECT_LT(models[1][phase].onednn_s, models[2][phase].onednn_s);
  }
  EXPECT_TRUE(measure_cost_models({}, Format::fp32).empty());
}

}  // namespace
}  // namespace trainer
