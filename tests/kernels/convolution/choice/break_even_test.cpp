#include "kernels/convolution/choice/break_even.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace trainer {
namespace {

using testing::HasSubstr;

TEST(BreakEven, IsReadAndWritten) {
  const ConvolutionBreakEven entry = parse_break_even("n64c64k128h28r3s2p1=0.412/0/1.5");
  EXPECT_EQ(
      entry.geometry,
      (ConvolutionGeometry{.n = 64, .c = 64, .h = 28, .w = 28, .k = 128, .r = 3, .s = 3, .stride = 2, .padding = 1}));
  EXPECT_EQ(entry.break_even, (BreakEven{{0.412, 0, 1.5}}));
  EXPECT_EQ(to_string(entry), "n64c64k128h28r3s2p1=0.412/0/1.5");
  EXPECT_FALSE(entry.break_even[ConvolutionPhase::feedforward].has_half());
}

TEST(BreakEven, MayGiveHalfAPlace) {
  const std::string text = "n2c3k4h5r1=0-0.4/0.25/0.054-1.5";
  const ConvolutionBreakEven entry = parse_break_even(text);
  EXPECT_EQ(entry.break_even, (BreakEven{{DensityBounds(0, 0.4), 0.25, DensityBounds(0.054, 1.5)}}));
  EXPECT_EQ(to_string(entry), text);
}

TEST(BreakEven, SaysThePathOfADensity) {
  const DensityBounds all(0.1, 0.4);
  EXPECT_EQ(all.path(0.099), KernelPath::highway);
  EXPECT_EQ(all.path(0.1), KernelPath::half);
  EXPECT_EQ(all.path(0.399), KernelPath::half);
  EXPECT_EQ(all.path(0.4), KernelPath::onednn);
  EXPECT_EQ(all.dense_from(), 0.4);
  const DensityBounds sparse = 0.3;
  EXPECT_EQ(sparse.path(0), KernelPath::highway);
  EXPECT_EQ(sparse.path(0.3), KernelPath::onednn);
  EXPECT_EQ(sparse.dense_from(), 0.3);
  EXPECT_EQ(DensityBounds().path(0), KernelPath::onednn);
}

TEST(BreakEven, RoundedOnesKeepTheirBitsAsText) {
  for (int i = 0; i <= 2000; ++i) {
    const DensityBounds density = rounded_break_even({i / 3000.0 + 0.0004, i / 1000.0 + 0.0004});
    const ConvolutionBreakEven entry{{.n = 2}, {{density, density, density}}};
    EXPECT_EQ(parse_break_even(to_string(entry)).break_even, entry.break_even) << to_string(density);
  }
}

TEST(BreakEven, RoundingNeverTakesASparsePathFurther) {
  EXPECT_EQ(rounded_break_even(0.4129), 0.412);
  EXPECT_EQ(rounded_break_even(0), 0);
  EXPECT_EQ(rounded_break_even(2), 2);
  EXPECT_EQ(rounded_break_even({0.0539, 0.4129}), DensityBounds(0.053, 0.412));
}

TEST(BreakEven, AnotherGeometryHasNone) {
  const std::vector<ConvolutionBreakEven> entries = {parse_break_even("n2c3k4h5r1=1/1/1"),
                                                     parse_break_even("n2c3k4h5r3=0.5/0.25/0")};
  ASSERT_NE(find_break_even(entries, {.n = 2, .c = 3, .h = 5, .w = 5, .k = 4, .r = 3, .s = 3}), nullptr);
  EXPECT_EQ((*find_break_even(entries, entries[1].geometry))[ConvolutionPhase::backpropagation], 0.25);
  EXPECT_EQ(find_break_even(entries, {.n = 1, .c = 3, .h = 5, .w = 5, .k = 4, .r = 3, .s = 3}), nullptr);
}

class BreakEvenMisuse : public testing::TestWithParam<const char*> {};

TEST_P(BreakEvenMisuse, IsRefusedInOneLine) {
  try {
    parse_break_even(GetParam());
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("write "));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
  }
}

INSTANTIATE_TEST_SUITE_P(All, BreakEvenMisuse,
                         testing::Values("", "n2c3k4h5r1", "n2c3k4h5r1=", "n2c3k4h5r1=1/1", "n2c3k4h5r1=1/1/1/1",
                                         "n2c3k4h5r1=1/1/x", "n2c3k4h5r1=1/-0.1/1", "n2c3k4h5r1=1/2.1/1",
                                         "n2c3k4h5r1=nan/1/1", "n2c3k4h5r1=1,1,1", "n2c3k4h5r1=1/1/1 ",
                                         "n2c3k4h5r1d0.5=1/1/1", "c3k4h5r1=1/1/1", "n2c3k4h5r1=1//1",
                                         "n2c3k4h5r1=0.4-0.4/1/1", "n2c3k4h5r1=0.4-0.3/1/1", "n2c3k4h5r1=0.4-/1/1",
                                         "n2c3k4h5r1=0-2.1/1/1", "n2c3k4h5r1=0-0.1-0.2/1/1", "n2c3k4h5r1=1/1/0-"));

}  // namespace
}  // namespace trainer
