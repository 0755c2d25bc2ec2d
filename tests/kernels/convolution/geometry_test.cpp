#include "kernels/convolution/geometry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/convolution/problem.h"

namespace trainer {
namespace {

using ::testing::HasSubstr;

TEST(ConvolutionProblem, ReadsEveryPart) {
  const ConvolutionProblem problem = parse_convolution_problem("n8c64k32h30w20r5q3s2p1e2g4d0.25");
  const ConvolutionGeometry expected{8, 64, 30, 20, 32, 5, 3, 2, 1, 2, 4};
  EXPECT_EQ(problem.geometry, expected);
  EXPECT_EQ(problem.weight_density, 0.25);
  EXPECT_EQ(problem.geometry.p(), (30 + 2 - 2 * 4 - 1) / 2 + 1);
  EXPECT_EQ(problem.geometry.q(), (20 + 2 - 2 * 2 - 1) / 2 + 1);
  EXPECT_EQ(problem.geometry.weight_columns(), 64 / 4 * 5 * 3);
}

TEST(ConvolutionProblem, HasDefaults) {
  const ConvolutionProblem problem = parse_convolution_problem("n8c64k32h30r3");
  const ConvolutionGeometry expected{8, 64, 30, 30, 32, 3, 3, 1, 0, 1, 1};
  EXPECT_EQ(problem.geometry, expected);
  EXPECT_EQ(problem.weight_density, 1);
}

TEST(ConvolutionProblem, PartsMayStandInAnyOrder) {
  EXPECT_EQ(parse_convolution_problem("d0.5r3h30k32c64n8").geometry,
            parse_convolution_problem("n8c64k32h30r3").geometry);
}

TEST(ConvolutionProblem, WritesWhatItReads) {
  for (const char* text : {"n8c64k64h32r3s2p1d0.1", "n1c1k1h1r1", "n2c4k6h9w8r3q1s3p2e2g2", "n1c3k1h5r5d0"}) {
    EXPECT_EQ(to_string(parse_convolution_problem(text)), text);
  }
  Random random(4);
  for (int i = 0; i < 100; ++i) {
    const std::string text = testing::random_problem(random);
    EXPECT_EQ(to_string(parse_convolution_problem(text)), text);
  }
}

struct Misuse {
  const char* text;
  const char* complaint;
};

class ConvolutionProblemMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(ConvolutionProblemMisuse, NamesWhatIsWrong) {
  try {
    parse_convolution_problem(GetParam().text);
    FAIL() << "no exception for " << GetParam().text;
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(GetParam().complaint));
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ConvolutionProblemMisuse,
    ::testing::Values(Misuse{"", "'n' is missing"}, Misuse{"n8c64k64h32", "'r' is missing"},
                      Misuse{"n8c64k64h32r3x4", "unknown part 'x'"}, Misuse{"n8c64k64h32r3r4", "'r' is given twice"},
                      Misuse{"n8ck64h32r3", "'c' needs a number"}, Misuse{"n8c6.5k64h32r3", "not '6.5'"},
                      Misuse{"n8c64k64h32r3d", "'d' needs a number"}, Misuse{"n8c64k64h32r3d1.5", "density"},
                      Misuse{"n8c64k64h32r3d-0.1", "density"}, Misuse{"8c64k64h32r3", "unknown part '8'"},
                      Misuse{"n0c64k64h32r3", "extent"}, Misuse{"n8c64k64h32r3s0", "extent"},
                      Misuse{"n8c64k64h32r3p-1", "padding"}, Misuse{"n8c64k64h32r3g3", "groups"},
                      Misuse{"n8c64k63h32r3g2", "groups"}, Misuse{"n8c64k64h2r3", "no output"},
                      Misuse{"n8c64k64h2r3s2", "no output"}, Misuse{"n8c64k64h4r3e2", "no output"},
                      Misuse{"n8c64k64h32r99999999999999999999", "'r' needs a number"},
                      Misuse{"n8c64k64h2000000r3", "extent"}, Misuse{"n8c1000000k1000000h3r3", "weight"},
                      Misuse{"n100000c100000k1h1000r1", "activation"}));

}  // namespace
}  // namespace trainer
