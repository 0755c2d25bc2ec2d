#include "data/subset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "data/files.h"

namespace trainer {
namespace {

using test::counting_dataset;
using testing::HasSubstr;

TEST(Subset, PicksImagesInItsOrder) {
  const auto whole = counting_dataset(10, 1, 2, 2, 5);
  const Subset subset(whole, {7, 2});
  EXPECT_EQ(subset.size(), 2);
  EXPECT_EQ(subset.label(0), 2);
  EXPECT_EQ(subset.label(1), 2);
  EXPECT_EQ(subset.read(0).pixels, whole->read(7).pixels);
  EXPECT_EQ(subset.read(1).pixels, whole->read(2).pixels);
  EXPECT_EQ(subset.channels(), 1);
  EXPECT_EQ(subset.class_names(), whole->class_names());
}

TEST(SplitByClass, TakesAFifthOfEveryClass) {
  const auto whole = counting_dataset(100, 1, 1, 2, 4);  // 25 of each class
  const DatasetParts parts = split_by_class(whole, "here");
  EXPECT_EQ(parts.train->size(), 80);
  EXPECT_EQ(parts.test->size(), 20);
  std::vector<int> tests(4);
  std::set<std::string> seen;
  for (const auto& part : {parts.train, parts.test}) {
    for (int64_t i = 0; i < part->size(); ++i) {
      const auto pixels = part->read(i).pixels;
      seen.emplace(pixels.begin(), pixels.end());
      if (part == parts.test) {
        ++tests[static_cast<size_t>(part->label(i))];
      }
    }
  }
  EXPECT_THAT(tests, testing::Each(5));
  EXPECT_EQ(seen.size(), 100U);  // disjoint, and nothing lost
}

TEST(SplitByClass, IsAlwaysTheSame) {
  const auto labels = [] {
    std::vector<int32_t> first_pixels;
    const auto test = split_by_class(counting_dataset(30, 1, 1, 1, 2), "here").test;
    for (int64_t i = 0; i < test->size(); ++i) {
      first_pixels.push_back(test->read(i).pixels[0] / 7);  // the image's number
    }
    return first_pixels;
  };
  const auto once = labels();
  EXPECT_EQ(once, labels());
  // Runs of different versions of the program must be comparable, so this split may never change.
  EXPECT_THAT(once, testing::ElementsAre(0, 2, 3, 14, 27, 29));
}

TEST(SplitByClass, TooFewImagesAreAnError) {
  EXPECT_THAT(test::usage_error([] { split_by_class(counting_dataset(4, 1, 1, 1, 2), "here"); }),
              HasSubstr("here: 4 images are too few"));
}

}  // namespace
}  // namespace trainer
