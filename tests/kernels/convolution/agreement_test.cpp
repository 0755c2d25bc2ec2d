#include <gtest/gtest.h>

#include "base/parallel.h"
#include "kernels/convolution/problem.h"

namespace trainer {
namespace {

using testing::Operands;
using testing::Results;

class ConvolutionPath : public ::testing::TestWithParam<KernelPath> {
 protected:
  void TearDown() override { set_thread_count(0); }
};

TEST_P(ConvolutionPath, AgreesWithTheReferenceOnRandomProblems) {
  constexpr int kProblems = 120;
  Random random(11);
  for (int i = 0; i < kProblems; ++i) {
    const std::string problem = testing::random_problem(random);
    const Operands operands(parse_convolution_problem(problem), static_cast<uint64_t>(i));
    const auto convolution = make_convolution(GetParam(), operands.geometry);
    ASSERT_EQ(testing::compare(Results(*convolution, operands), operands, problem), "");
  }
}

TEST_P(ConvolutionPath, AgreesWithTheReferenceOnLayersOfNetworks) {
  for (const char* problem :
       {"n2c3k16h33r7s2p3", "n16c40k33h10r3p1d0.1", "n5c33k70h8r3s2p1d0.2", "n64c100k10h1r1d0.5", "n1c130k65h1r1",
        "n128c12k20h4r3p1d0.1", "n4c24k24h14r5p2g24", "n1c64k64h56w7r3p1d0.05", "n64c20k72h4r1s2d0.3",
        "n20c9k140h2r3p1d0.2", "n64c17k5h2r3p1", "n31c70k70h3r2d0.1", "n100c8k8h5r3p1d0.5"}) {
    const Operands operands(parse_convolution_problem(problem), 5);
    const auto convolution = make_convolution(GetParam(), operands.geometry);
    ASSERT_EQ(testing::compare(Results(*convolution, operands), operands, problem), "");
  }
}

TEST_P(ConvolutionPath, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const char* problem : {"n64c18k40h9r3p1d0.2", "n40c80k70h3r3p1d0.1", "n17c8k64h12r3s2p1", "n1c96k130h7r1d0.3",
                              "n3c16k32h8r3p1g4d0.5", "n33c200k140h1r1d0.1"}) {
    const Operands operands(parse_convolution_problem(problem), 3);
    const auto run = [&](int threads) {
      set_thread_count(threads);
      const auto convolution = make_convolution(GetParam(), operands.geometry);
      return Results(*convolution, operands);
    };
    const Results one = run(1);
    EXPECT_EQ(run(2), one) << problem;
    EXPECT_EQ(run(3), one) << problem;
  }
}

TEST_P(ConvolutionPath, AnswersTheSameWhenCalledAgainWithMoreThreads) {
  const char* problem = "n24c20k24h10r3s2p1d0.3";
  const Operands operands(parse_convolution_problem(problem), 9);
  const auto convolution = make_convolution(GetParam(), operands.geometry);
  set_thread_count(1);
  const Results first(*convolution, operands);
  set_thread_count(3);
  EXPECT_EQ(Results(*convolution, operands), first);
}

TEST_P(ConvolutionPath, FollowsAPatternThatChangesBetweenCalls) {
  const ConvolutionProblem problem = parse_convolution_problem("n16c12k10h6r3p1d0.3");
  const auto convolution = make_convolution(GetParam(), problem.geometry);
  for (const double density : {0.3, 1.0, 0.0, 0.05, 0.9}) {
    const Operands operands({problem.geometry, density}, 77);
    ASSERT_EQ(testing::compare(Results(*convolution, operands), operands, to_string({problem.geometry, density})), "");
  }
}

TEST_P(ConvolutionPath, TakesNewValuesUnderTheSamePattern) {
  const char* problem = "n16c12k10h6r3p1d0.3";
  Operands operands(parse_convolution_problem(problem), 1);
  const auto convolution = make_convolution(GetParam(), operands.geometry);
  const Results before(*convolution, operands);
  for (float& value : operands.W) {
    value = -2 * value;
  }
  const Results after(*convolution, operands);
  for (int64_t i = 0; i < after.Z.size(); ++i) {  // a power of two and a sign change no rounding
    ASSERT_EQ(after.Z.data()[i], -2 * before.Z.data()[i]);
  }
  EXPECT_EQ(after.dW, before.dW);
}

INSTANTIATE_TEST_SUITE_P(Paths, ConvolutionPath, ::testing::Values(KernelPath::highway, KernelPath::onednn),
                         [](const auto& path) { return std::string(to_string(path.param)); });

// The oracle against itself proves nothing but this.
INSTANTIATE_TEST_SUITE_P(Reference, ConvolutionPath, ::testing::Values(KernelPath::reference),
                         [](const auto& path) { return std::string(to_string(path.param)); });

}  // namespace
}  // namespace trainer
