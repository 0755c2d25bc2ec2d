#include "training/pruning/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "training/helpers.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(Selection, PositionsOfBothKinds) {
  const auto pattern = Pattern::from_mask(2, 3, std::vector<uint8_t>{0, 1, 0, 1, 0, 1});
  EXPECT_THAT(unpruned_positions(*pattern), ElementsAre(1, 3, 5));
  EXPECT_THAT(pruned_positions(*pattern), ElementsAre(0, 2, 4));
  EXPECT_THAT(unpruned_positions(*Pattern::full(1, 2)), ElementsAre(0, 1));
  EXPECT_THAT(pruned_positions(*Pattern::full(1, 2)), ElementsAre());
}

TEST(Selection, LargestByMagnitudeThenByPosition) {
  const std::vector<float> scores = {1, -3, 2, -2, 2, 0};
  EXPECT_THAT(largest(scores, 2), UnorderedElementsAre(1, 2));
  EXPECT_THAT(largest(scores, 3), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(largest(scores, 0), ElementsAre());
  EXPECT_THAT(largest(scores, 6), UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(largest_of({0, 3, 4, 5}, scores, 1), ElementsAre(3));
}

TEST(Selection, SurvivesValuesThatAreNotFinite) {
  const std::vector<float> scores = {1, NAN, INFINITY, -NAN, -INFINITY};
  EXPECT_THAT(largest(scores, 3), UnorderedElementsAre(1, 3, 2));
}

TEST(Selection, LargestEqualsASort) {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> scores(1 + random.below(300));
    // Few distinct values, so that ties are many.
    std::ranges::generate(scores, [&] { return static_cast<float>(random.below(9)) - 4; });
    const size_t count = random.below(scores.size() + 1);
    std::vector<uint32_t> sorted(scores.size());
    for (uint32_t i = 0; i < sorted.size(); ++i) {
      sorted[i] = i;
    }
    std::ranges::stable_sort(sorted, [&](uint32_t a, uint32_t b) { return std::abs(scores[a]) > std::abs(scores[b]); });
    sorted.resize(count);
    EXPECT_THAT(largest(scores, count), testing::UnorderedElementsAreArray(sorted));
  }
}

TEST(Selection, RandomSubsetsAreEquallyLikely) {
  Random random(5);
  std::map<std::vector<uint32_t>, int> seen;
  for (int round = 0; round < 6000; ++round) {
    std::vector<uint32_t> chosen = random_of({10, 20, 30, 40}, 2, random);
    std::ranges::sort(chosen);
    ++seen[chosen];
  }
  ASSERT_EQ(seen.size(), 6U);  // 4 over 2
  for (const auto& [subset, times] : seen) {
    EXPECT_NEAR(times, 1000, 150);  // 5 standard deviations
  }
}

TEST(Selection, LargestWeightsAreNamedByPosition) {
  const Parameter weight = testing_helpers::weight({2, 3}, {0, 1, 0, 1, 0, 1}, {5, 1, -7});
  EXPECT_THAT(largest_weights(weight, 2), UnorderedElementsAre(1, 5));
}

TEST(Selection, DropCountFollowsTheCosine) {
  PruningOptions options;
  options.update_fraction = 0.4;
  options.stop_at = 0.8;
  EXPECT_EQ(drop_count(options, 0, 1000), 400);
  EXPECT_EQ(drop_count(options, 0.2, 1000), 341);  // 0.2 * (1 + cos(pi/4)) = 0.3414
  EXPECT_EQ(drop_count(options, 0.6, 1000), 58);   // 0.2 * (1 - cos(pi/4)) = 0.0586
  EXPECT_EQ(drop_count(options, 0.8, 1000), 0);
  EXPECT_EQ(drop_count(options, 0.9, 1000), 0);
  options.update_fraction = 1;
  EXPECT_EQ(drop_count(options, 0, 10), 9);  // one always stays
  EXPECT_EQ(drop_count(options, 0, 1), 0);
}

TEST(Selection, StartingMaskKeepsWhatItIsTold) {
  const Parameter dense = testing_helpers::weight({1, 6}, {}, {1, -6, 2, 5, -3, 4});
  PruningOptions options;
  Random random(1);
  EXPECT_EQ(starting_pattern(options, dense, 6, random), dense.pattern);
  EXPECT_EQ(starting_pattern(options, dense, 2, random)->nonzeros(), 2);
  options.start = "magnitude";
  EXPECT_THAT(unpruned_positions(*starting_pattern(options, dense, 3, random)), ElementsAre(1, 3, 5));

  const Parameter masked = testing_helpers::weight({1, 6}, {0, 0, 1, 1, 0, 0}, {2, 5});
  EXPECT_THAT(unpruned_positions(*starting_pattern(options, masked, 1, random)), ElementsAre(3));
  EXPECT_TRUE(starting_pattern(options, masked, 6, random)->is_full());
  const auto grown = starting_pattern(options, masked, 3, random);
  EXPECT_EQ(grown->nonzeros(), 3);
  EXPECT_EQ(grown->mask()[2], 1);
  EXPECT_EQ(grown->mask()[3], 1);
}

}  // namespace
}  // namespace trainer
