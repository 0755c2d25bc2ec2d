#include "tensor/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace trainer {
namespace {

using testing::ElementsAre;

std::shared_ptr<const Pattern> example() {
  const std::vector<uint8_t> kept = {0, 1, 0, 1,  //
                                     0, 0, 0, 0,  //
                                     1, 1, 0, 0};
  return Pattern::from_mask(3, 4, kept);
}

TEST(Pattern, KeepsTheUnprunedAlone) {
  const auto pattern = example();
  EXPECT_EQ(pattern->nonzeros(), 4);
  EXPECT_DOUBLE_EQ(pattern->density(), 4.0 / 12);
  EXPECT_THAT(pattern->row_begin(), ElementsAre(0, 2, 2, 4));
  EXPECT_THAT(pattern->column(), ElementsAre(1, 3, 0, 1));
  EXPECT_THAT(pattern->mask(), ElementsAre(0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0));
}

TEST(Pattern, AMaskOfOnesIsFull) {
  const auto pattern = Pattern::from_mask(2, 2, std::vector<uint8_t>{1, 1, 1, 1});
  EXPECT_TRUE(pattern->is_full());
  EXPECT_TRUE(pattern->column().empty());
  EXPECT_EQ(pattern->column_at(1, 3), 1U);
}

TEST(Pattern, CarriesValuesOver) {
  const auto from = example();
  const auto to = Pattern::from_mask(3, 4, std::vector<uint8_t>{0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0});
  const AlignedVector<float> values = {1, 2, 3, 4};
  EXPECT_THAT(carry_over(*from, values, *to, -1), ElementsAre(-1, 2, -1, 4));
}

TEST(Pattern, ScatterAndGatherAreInverse) {
  const auto pattern = example();
  const std::vector<float> values = {1, 2, 3, 4};
  std::vector<float> dense(12, 9);
  scatter(*pattern, values, dense);
  EXPECT_THAT(dense, ElementsAre(0, 1, 0, 2, 0, 0, 0, 0, 3, 4, 0, 0));
  std::vector<float> back(4);
  gather(*pattern, dense, back);
  EXPECT_EQ(back, values);
}

TEST(Pattern, RefusesDamagedRows) {
  EXPECT_THROW(Pattern::from_rows(2, 3, {0, 1}, {0}), UsageError);        // a row is missing
  EXPECT_THROW(Pattern::from_rows(2, 3, {0, 2, 1}, {0, 1}), UsageError);  // goes back
  EXPECT_THROW(Pattern::from_rows(2, 3, {0, 1, 2}, {0, 3}), UsageError);  // no such column
  EXPECT_THROW(Pattern::from_rows(2, 3, {0, 2, 2}, {1, 1}), UsageError);  // twice
  EXPECT_THROW(Pattern::from_rows(2, 3, {0, 1, 3}, {0, 1}), UsageError);  // too few columns
  EXPECT_EQ(Pattern::from_rows(2, 3, {0, 1, 2}, {0, 2})->nonzeros(), 2);
}

}  // namespace
}  // namespace trainer
