#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace trainer {
namespace {

// First block for counter 0, key 0, as published with the Random123 library's known-answer tests.
TEST(Random, EqualsPublishedPhiloxVector) {
  Random random(0);
  EXPECT_EQ(random.next(), 0x6627e8d5U);
  EXPECT_EQ(random.next(), 0xe169c58dU);
  EXPECT_EQ(random.next(), 0xbc57ac4cU);
  EXPECT_EQ(random.next(), 0x9b00dbd8U);
}

TEST(Random, StreamsDiffer) {
  EXPECT_NE(Random(1, 0).next64(), Random(1, 1).next64());
  EXPECT_NE(Random(1, 0, 0).next64(), Random(1, 0, 1).next64());
  EXPECT_NE(Random(1).next64(), Random(2).next64());
}

TEST(Random, UniformStaysInRangeWithMeanOfAHalf) {
  Random random(7);
  double sum = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const float value = random.uniform();
    ASSERT_GE(value, 0.0F);
    ASSERT_LT(value, 1.0F);
    sum += value;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);  // standard error is 0.0009
}

TEST(Random, NormalHasUnitVariance) {
  Random random(8);
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.03);
}

TEST(Random, ShuffledIsAPermutation) {
  Random random(9);
  std::vector<uint32_t> order = shuffled(1000, random);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(order[i], i);
  }
}

}  // namespace
}  // namespace trainer
