#include "data/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/files.h"
#include "data/memory_dataset.h"

namespace trainer {
namespace {

std::shared_ptr<const Dataset> images(ImageArray array) {
  const auto count = static_cast<size_t>(array.count);
  return std::make_shared<MemoryDataset>(std::move(array), std::vector<int32_t>(count),
                                         std::vector<std::string>{"a", "b"});
}

TEST(ChannelStatistics, OfTwoChannels) {
  // Channel 0: 0, 255, 0, 255: mean 1/2, deviation 1/2. Channel 1: 51, 51, 102, 204, mean 102, squares of differences
  // 51^2, 51^2, 0, 102^2 = 51^2 (1 + 1 + 0 + 4), deviation 51 sqrt(6/4).
  const auto dataset =
      images({.count = 2, .channels = 2, .height = 1, .width = 2, .pixels = {0, 255, 51, 51, 0, 255, 102, 204}});
  const ChannelStatistics statistics = channel_statistics(*dataset);
  ASSERT_EQ(statistics.mean.size(), 2U);
  EXPECT_FLOAT_EQ(statistics.mean[0], 0.5F);
  EXPECT_FLOAT_EQ(statistics.deviation[0], 0.5F);
  EXPECT_FLOAT_EQ(statistics.mean[1], 0.4F);
  EXPECT_FLOAT_EQ(statistics.deviation[1], static_cast<float>(0.2 * std::sqrt(1.5)));
}

TEST(ChannelStatistics, ConstantChannelHasDeviationOne) {
  const auto dataset = images({.count = 3, .channels = 1, .height = 1, .width = 1, .pixels = {17, 17, 17}});
  EXPECT_FLOAT_EQ(channel_statistics(*dataset).mean[0], 17.0F / 255.0F);
  EXPECT_EQ(channel_statistics(*dataset).deviation[0], 1.0F);
}

TEST(ChannelStatistics, OfLargeSetsTakesEvenlySpacedImages) {
  // 4,000 images, of which every second one (0, 2, 4, ...) counts: those are 10, the others 250.
  ImageArray array{.count = 4000, .channels = 1, .height = 1, .width = 1, .pixels = {}};
  for (int i = 0; i < 4000; ++i) {
    array.pixels.push_back(i % 2 == 0 ? 10 : 250);
  }
  EXPECT_FLOAT_EQ(channel_statistics(*images(std::move(array))).mean[0], 10.0F / 255.0F);
}

}  // namespace
}  // namespace trainer
