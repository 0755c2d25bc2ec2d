#include "kernels/convolution/choice/measure.h"

#include <gtest/gtest.h>

#include <vector>

namespace trainer {
namespace {

PerPhase<CostModel> measured(const char* problem) {
  const std::vector<ConvolutionGeometry> one = {parse_convolution_problem(problem).geometry};
  return measure_cost_models(one).front();
}

class Measure : public testing::TestWithParam<const char*> {};

TEST_P(Measure, GivesTimesForEveryPhase) {
  const PerPhase<CostModel> models = measured(GetParam());
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    const CostModel& model = models[phase];
    EXPECT_GE(model.fixed_s, 0) << to_string(phase);
    EXPECT_GE(model.per_density_s, 0) << to_string(phase);
    EXPECT_GT(model.highway_s(1), 0) << to_string(phase);
    EXPECT_LT(model.highway_s(1), 10) << to_string(phase);
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
  EXPECT_GT(models[ConvolutionPhase::feedforward].per_density_s, 0);
  EXPECT_GT(models[ConvolutionPhase::backpropagation].per_density_s, 0);
}

TEST(Measure, EachShapeGetsItsOwnModels) {
  // Smallest first: they are measured the other way round.
  const std::vector<ConvolutionGeometry> shapes = {parse_convolution_problem("n1c2k2h2r1").geometry,
                                                   parse_convolution_problem("n16c32k32h8r3p1").geometry,
                                                   parse_convolution_problem("n16c64k64h16r3p1").geometry};
  const auto models = measure_cost_models(shapes);
  ASSERT_EQ(models.size(), 3U);
  for (const ConvolutionPhase phase : kConvolutionPhases) {
    EXPECT_LT(models[0][phase].onednn_s, models[1][phase].onednn_s);
    EXPECT_LT(models[1][phase].onednn_s, models[2][phase].onednn_s);
  }
  EXPECT_TRUE(measure_cost_models({}).empty());
}

}  // namespace
}  // namespace trainer
