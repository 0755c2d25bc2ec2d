#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "kernels/convolution/problem.h"

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

// The tile kernels are compiled for all targets; the CPU decides which can be tried here.
TEST_F(InstructionSet, EveryOneOfThisCpuAgreesWithTheReference) {
  const int64_t supported = hwy::SupportedTargets();
  int tried = 0;
  for (int64_t target = 1; target > 0 && target <= supported; target <<= 1) {
    if ((supported & target) == 0) {
      continue;
    }
    choose(target);
    ++tried;
    Random random(23);
    for (int i = 0; i < 60; ++i) {
      const std::string problem = testing::random_problem(random);
      const testing::Operands operands(parse_convolution_problem(problem), static_cast<uint64_t>(i));
      const auto convolution = make_convolution(KernelPath::highway, operands.geometry);
      ASSERT_EQ(testing::compare(testing::Results(*convolution, operands), operands, problem), "")
          << hwy::TargetName(target);
    }
  }
  EXPECT_GE(tried, 1);
}

}  // namespace
}  // namespace trainer
