#include "data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/random.h"
#include "data/epoch_order.h"

namespace trainer {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<uint8_t> placed(const Placement& placement) {
  // 1 2 3
  // 4 5 6
  const Image image{.channels = 1, .height = 2, .width = 3, .pixels = {1, 2, 3, 4, 5, 6}};
  std::vector<uint8_t> out(6, 99);
  place(image, placement, out);
  return out;
}

TEST(Place, MovesAndMirrors) {
  EXPECT_THAT(placed({}), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(placed({.mirrored = true}), ElementsAre(3, 2, 1, 6, 5, 4));
  EXPECT_THAT(placed({.row = 1}), ElementsAre(4, 5, 6, 0, 0, 0));
  EXPECT_THAT(placed({.row = -1}), ElementsAre(0, 0, 0, 1, 2, 3));
  EXPECT_THAT(placed({.column = 1}), ElementsAre(2, 3, 0, 5, 6, 0));
  EXPECT_THAT(placed({.column = -2}), ElementsAre(0, 0, 1, 0, 0, 4));
  EXPECT_THAT(placed({.row = 1, .column = 1, .mirrored = true}), ElementsAre(0, 6, 5, 0, 0, 0));
}

TEST(Place, CropBesideTheImageIsBlack) {
  for (const int64_t away : {-7, -3, 3, 7}) {
    EXPECT_THAT(placed({.column = away}), Each(0));
    EXPECT_THAT(placed({.row = away}), Each(0));
  }
}

TEST(Place, KeepsChannelsApart) {
  const Image image{.channels = 2, .height = 1, .width = 2, .pixels = {1, 2, 3, 4}};
  std::vector<uint8_t> out(4);
  place(image, {.column = 1}, out);
  EXPECT_THAT(out, ElementsAre(2, 0, 4, 0));
}

TEST(DrawPlacement, DrawsRowColumnAndFlipInThisOrder) {
  Random random(5, random_stream(RandomUse::kAugmentation, 3), 17);
  const auto row = static_cast<int64_t>(random.below(9)) - 4;
  const auto column = static_cast<int64_t>(random.below(9)) - 4;
  const bool mirrored = random.below(2) == 1;
  const Placement placement = draw_placement(5, 3, 17, 4, true);
  EXPECT_EQ(placement.row, row);
  EXPECT_EQ(placement.column, column);
  EXPECT_EQ(placement.mirrored, mirrored);
}

TEST(DrawPlacement, ReachesEveryPlaceEvenlyAndFlipsHalf) {
  constexpr int kDraws = 9000;
  std::array<int, 9> places{};
  int flips = 0;
  for (uint32_t i = 0; i < kDraws; ++i) {
    const Placement placement = draw_placement(1, 0, i, 1, true);
    ++places.at(static_cast<size_t>((placement.row + 1) * 3 + placement.column + 1));
    flips += placement.mirrored ? 1 : 0;
    EXPECT_FALSE(draw_placement(1, 0, i, 1, false).mirrored);
  }
  // Expected 1,000 of each place (deviation 30) and 4,500 flips (deviation 47).
  EXPECT_THAT(places, Each(testing::AllOf(testing::Gt(850), testing::Lt(1150))));
  EXPECT_NEAR(flips, kDraws / 2, 240);
}

TEST(DrawPlacement, WithoutPaddingAndFlipLeavesTheImage) {
  const Placement placement = draw_placement(1, 2, 3, 0, false);
  EXPECT_EQ(placement.row, 0);
  EXPECT_EQ(placement.column, 0);
  EXPECT_FALSE(placement.mirrored);
}

}  // namespace
}  // namespace trainer
