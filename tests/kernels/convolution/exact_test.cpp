#include "kernels/convolution/exact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace trainer {
namespace {

using ::testing::HasSubstr;
using testing::Operands;
using testing::Results;
using ::testing::StartsWith;

constexpr const char* kProblem = "n3c5k4h6w7r3s2p1d0.4";

/// Right answers to kProblem, to be spoilt.
struct Answers {
  Answers() : operands(parse_convolution_problem(kProblem)), results(*reference(), operands) {}

  std::unique_ptr<Convolution> reference() const { return make_convolution(KernelPath::reference, operands.geometry); }
  std::string compare() const { return testing::compare(results, operands, kProblem); }

  Operands operands;
  Results results;
};

TEST(ConvolutionComparison, AcceptsRightAnswers) { EXPECT_EQ(Answers().compare(), ""); }

TEST(ConvolutionComparison, NamesTheProblemAndTheValueThatIsWrong) {
  Answers answers;
  answers.results.Z.data()[17] += 0.001F;
  answers.results.Z.data()[18] += 0.5F;
  EXPECT_THAT(answers.compare(), StartsWith(std::string(kProblem) + ": Z[18] is "));
}

TEST(ConvolutionComparison, SeesAWrongValueInEveryResult) {
  const std::array<std::pair<const char*, float* (*)(Results&)>, 4> results = {
      {{": Z[1] ", [](Results& r) { return r.Z.data(); }},
       {": dX[1] ", [](Results& r) { return r.dX.data(); }},
       {": accumulated dX[1] ", [](Results& r) { return r.dX_accumulated.data(); }},
       {": dW[1] ", [](Results& r) { return r.dW.data(); }}}};
  for (const auto& [name, values] : results) {
    Answers answers;
    values(answers.results)[1] *= 1.001F;
    EXPECT_THAT(answers.compare(), HasSubstr(name));
  }
}

TEST(ConvolutionComparison, SeesNotANumber) {
  Answers answers;
  answers.results.dW[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(answers.compare(), HasSubstr(": dW[2] is nan"));
}

// The smallest fault there is in a kernel: one weight passed over in one place.
TEST(ConvolutionComparison, SeesASingleProductThatIsLost) {
  Answers answers;
  Operands without = answers.operands;
  without.W[3] = 0;
  const Results lost(*answers.reference(), without);
  int seen = 0;
  int different = 0;
  for (int64_t i = 0; i < lost.Z.size(); ++i) {
    const float right = answers.results.Z.data()[i];
    if (lost.Z.data()[i] != right) {
      ++different;
      answers.results.Z.data()[i] = lost.Z.data()[i];
      seen += answers.compare().empty() ? 0 : 1;
      answers.results.Z.data()[i] = right;
    }
  }
  EXPECT_GT(different, 10);
  EXPECT_EQ(seen, different);
}

TEST(ConvolutionComparison, BoundsNoProductsByZeroAndAFewByTheirRoundings) {
  const double u = std::ldexp(1.0, -24);
  EXPECT_EQ(testing::error_bound(0), 0);
  EXPECT_NEAR(testing::error_bound(1), u, 1e-6 * u);
  EXPECT_NEAR(testing::error_bound(10), 10 * u, 1e-5 * u);
  EXPECT_NEAR(testing::error_bound(10000), 8 * 100 * u, 0.1 * u);
}

}  // namespace
}  // namespace trainer
