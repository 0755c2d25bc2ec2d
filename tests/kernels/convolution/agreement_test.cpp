#include <gtest/gtest.h>

#include <cstdlib>

#include "base/cpu_features.h"
#include "base/parallel.h"
#include "kernels/convolution/exact.h"

namespace trainer {
namespace {

using testing::Operands;
using testing::Results;

class ConvolutionPath : public ::testing::TestWithParam<KernelPath> {
 protected:
  void SetUp() override {
    if (GetParam() == KernelPath::half && !cpu_has_half_arithmetic()) {
      GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
    }
  }
  void TearDown() override { set_thread_count(0); }
};

/// "", or what is wrong with a path's answers to a problem, and how to see it again.
std::string check(KernelPath path, const std::string& problem) {
  const Operands operands = testing::operands_for(path, parse_convolution_problem(problem));
  const auto convolution = make_convolution(path, operands.geometry);
  const std::string fault = testing::compare(Results(*convolution, operands), operands, problem, path);
  return fault.empty() ? "" : fault + "\nagain: CONVOLUTION_PROBLEM=" + problem + " test_convolution";
}

/// The same, about bits that differ between numbers of threads.
std::string check_threads(KernelPath path, const std::string& problem) {
  const Operands operands(parse_convolution_problem(problem));
  const auto run = [&](int threads) {
    set_thread_count(threads);
    const auto convolution = make_convolution(path, operands.geometry);
    return Results(*convolution, operands);
  };
  const Results one = run(1);
  for (const int threads : {2, 3, 7}) {
    if (!(run(threads) == one)) {
      return problem + ": " + std::to_string(threads) + " threads give other bits than one";
    }
  }
  return "";
}

// For one problem of your own: CONVOLUTION_PROBLEM=n8c64k64h32r3s2p1d0.1 test_convolution
// --gtest_filter='*GivenProblem*'
TEST_P(ConvolutionPath, IsRightOnTheGivenProblem) {
  const char* given = std::getenv("CONVOLUTION_PROBLEM");
  const std::string problem = given != nullptr ? given : "n8c64k64h32r3s2p1d0.1";
  EXPECT_EQ(check(GetParam(), problem), "");
  EXPECT_EQ(check_threads(GetParam(), problem), "");
}

TEST_P(ConvolutionPath, IsRightOnRandomProblems) {
  Random random(testing::kRandomProblemsSeed);
  for (int i = 0; i < testing::kRandomProblems; ++i) {
    ASSERT_EQ(check(GetParam(), testing::random_problem(random)), "");
  }
}

TEST_P(ConvolutionPath, IsRightOnLayersOfNetworks) {
  for (const char* problem :
       {"n2c3k16h33r7s2p3", "n16c40k33h10r3p1d0.1", "n5c33k70h8r3s2p1d0.2", "n64c100k10h1r1d0.5", "n1c130k65h1r1",
        "n128c12k20h4r3p1d0.1", "n4c24k24h14r5p2g24", "n1c64k64h56w7r3p1d0.05", "n64c20k72h4r1s2d0.3",
        "n20c9k140h2r3p1d0.2", "n64c17k5h2r3p1", "n31c70k70h3r2d0.1", "n100c8k8h5r3p1d0.5", "n20c9k140h1r3p1d0.4",
        "n64c6k6g6h40r3p1", "n64c5k5g5h37r3s2p1", "n24c3k3g3h61w90r5p2e2d0.6", "n5c66k24h7w9r3s2p1g2d0.4"}) {
    ASSERT_EQ(check(GetParam(), problem), "");
  }
}

TEST_P(ConvolutionPath, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const char* problem : {"n64c18k40h9r3p1d0.2", "n40c80k70h3r3p1d0.1", "n17c8k64h12r3s2p1", "n1c96k130h7r1d0.3",
                              "n3c16k32h8r3p1g4d0.5", "n33c200k140h1r1d0.1", "n20c9k140h1r3p1d0.4", "n64c6k6g6h40r3p1",
                              "n5c66k24h7w9r3s2p1g2d0.4", "n5c33k70h8r3s2p1d0.2"}) {
    ASSERT_EQ(check_threads(GetParam(), problem), "");
  }
  Random random(testing::kRandomProblemsSeed);
  for (int i = 0; i < testing::kRandomProblems / 3; ++i) {
    ASSERT_EQ(check_threads(GetParam(), testing::random_problem(random)), "");
  }
}

TEST_P(ConvolutionPath, AnswersTheSameWhenCalledAgainWithMoreThreads) {
  const char* problem = "n24c20k24h10r3s2p1d0.3";
  const Operands operands(parse_convolution_problem(problem));
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
    const ConvolutionProblem now{problem.geometry, density};
    const Operands operands = testing::operands_for(GetParam(), now);
    ASSERT_EQ(testing::compare(Results(*convolution, operands), operands, to_string(now), GetParam()), "");
  }
}

TEST_P(ConvolutionPath, TakesNewValuesUnderTheSamePattern) {
  const char* problem = "n16c12k10h6r3p1d0.3";
  Operands operands(parse_convolution_problem(problem));
  const auto convolution = make_convolution(GetParam(), operands.geometry);
  const Results before(*convolution, operands);
  // A power of two and a sign change no rounding, but that of sums below FP16's normal numbers.
  const float factor = GetParam() == KernelPath::half ? -1 : -2;
  for (float& value : operands.W) {
    value = factor * value;
  }
  const Results after(*convolution, operands);
  for (int64_t i = 0; i < after.Z.size(); ++i) {
    ASSERT_EQ(after.Z.data()[i], factor * before.Z.data()[i]);
  }
  EXPECT_EQ(after.dW, before.dW);
}

INSTANTIATE_TEST_SUITE_P(Paths, ConvolutionPath,
                         ::testing::Values(KernelPath::reference, KernelPath::highway, KernelPath::half,
                                           KernelPath::onednn),
                         [](const auto& path) { return std::string(to_string(path.param)); });

}  // namespace
}  // namespace trainer
