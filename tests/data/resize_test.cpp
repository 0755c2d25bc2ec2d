#include "data/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainer {
namespace {

using testing::Each;
using testing::ElementsAre;

Image image(int64_t channels, int64_t height, int64_t width, std::vector<uint8_t> pixels) {
  return {.channels = channels, .height = height, .width = width, .pixels = std::move(pixels)};
}

std::vector<uint8_t> resized(const Image& from, int64_t height, int64_t width) {
  Resizer resizer;
  Image to;
  resizer.resize(from, height, width, to);
  EXPECT_EQ(to.channels, from.channels);
  EXPECT_EQ(to.height, height);
  EXPECT_EQ(to.width, width);
  return to.pixels;
}

TEST(Resize, SameSizeIsTheSameImage) {
  const Image from = image(1, 2, 3, {1, 50, 255, 0, 7, 9});
  EXPECT_EQ(resized(from, 2, 3), from.pixels);
}

TEST(Resize, GrowingInterpolatesBetweenHalfPixelCentres) {
  // Columns 0..3 of 2x4 lie at 0.25, 0.75, 1.25, 1.75 of the source, whose centres are 0.5 and 1.5: 0, 1/4, 3/4, 1 of
  // the way from 0 to 100. Rows likewise from (0, 100) to (200, 240). Row 0: 0, 25, 75, 100. Row 3: 200, 210, 230, 240.
  // Rows 1 and 2 at 1/4 and 3/4 between them.
  EXPECT_THAT(resized(image(1, 2, 2, {0, 100, 200, 240}), 4, 4),
              ElementsAre(0, 25, 75, 100,      //
                          50, 71, 114, 135,    // 50, 71.25, 113.75, 135
                          150, 164, 191, 205,  // 150, 163.75, 191.25, 205
                          200, 210, 230, 240));
}

TEST(Resize, ShrinkingAverages) {
  // Halving 4 columns: centre 1, reach 2; centres 0.5, 1.5 (distance 1/2, weight 3/4) and 2.5 (3/2, 1/4), in all 7/4:
  // (3 a + 3 b + c) / 7; mirrored on the right: (b + 3 c + 3 d) / 7. The single row pair: both rows are equal.
  const Image from = image(1, 4, 4, {0, 70, 140, 210, 0, 70, 140, 210, 0, 70, 140, 210, 0, 70, 140, 210});
  EXPECT_THAT(resized(from, 2, 2), ElementsAre(50, 160, 50, 160));
}

TEST(Resize, KeepsTheAspectRatioAndCutsTheMiddle) {
  // 2x6 to 2x2: scale 1, the two middle columns stay.
  EXPECT_THAT(resized(image(1, 2, 6, {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16}), 2, 2), ElementsAre(3, 4, 13, 14));
  // 5x1 to 1x1: the middle row.
  EXPECT_THAT(resized(image(1, 5, 1, {1, 2, 3, 4, 5}), 1, 1), ElementsAre(3));
}

TEST(Resize, ChannelsStayApartAndFlatStaysFlat) {
  std::vector<uint8_t> pixels(2 * 7 * 5, 33);
  std::fill(pixels.begin() + 35, pixels.end(), 255);
  for (const auto& [height, width] : {std::pair<int64_t, int64_t>{3, 2}, {20, 31}, {1, 9}, {64, 1}}) {
    const auto out = resized(image(2, 7, 5, pixels), height, width);
    EXPECT_THAT(std::vector<uint8_t>(out.begin(), out.begin() + height * width), Each(33));
    EXPECT_THAT(std::vector<uint8_t>(out.begin() + height * width, out.end()), Each(255));
  }
}

TEST(Resize, OneResizerServesAllSizes) {
  Resizer resizer;
  const Image wide = image(1, 1, 4, {0, 100, 200, 240});
  const Image square = image(1, 2, 2, {0, 100, 200, 240});
  Image to;
  for (int round = 0; round < 2; ++round) {
    resizer.resize(wide, 1, 2, to);
    EXPECT_THAT(to.pixels, ElementsAre(100, 200));
    resizer.resize(square, 2, 2, to);
    EXPECT_THAT(to.pixels, ElementsAre(0, 100, 200, 240));
  }
}

}  // namespace
}  // namespace trainer
