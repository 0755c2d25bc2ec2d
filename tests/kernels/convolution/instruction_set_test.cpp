#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <string>
#include <vector>

#include "kernels/convolution/exact.h"

namespace trainer {
namespace {

class InstructionSet : public ::testing::Test {
 protected:
  static void choose(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  void TearDown() override { choose(0); }
};

// The CPU decides which of the targets that the tile kernels are compiled for can be tried here.
TEST_F(InstructionSet, EveryOneOfThisCpuAgreesWithTheReference) {
  const int64_t supported = (hwy::SupportedTargets() | HWY_STATIC_TARGET) & HWY_TARGETS;
  int tried = 0;
  for (int64_t target = 1; target > 0 && target <= supported; target <<= 1) {
    if ((supported & target) == 0) {
      continue;
    }
    choose(target);
    ++tried;
    Random random(23);
    std::vector<std::string> problems = {"n64c2k2g2h60r3p1", "n64c2k2g2h59r3s2p1"};  // depthwise, of several tiles
    for (int i = 0; i < 60; ++i) {
      problems.push_back(testing::random_problem(random));
    }
    for (const std::string& problem : problems) {
      const testing::Operands operands(parse_convolution_problem(problem));
      const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
      ASSERT_EQ(testing::compare(testing::Results(*convolution, operands), operands, problem), "")
          << hwy::TargetName(target);
    }
  }
  EXPECT_GE(tried, 1);
}

}  // namespace
}  // namespace trainer
