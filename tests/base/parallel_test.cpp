#include "base/parallel.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace trainer {
namespace {

class Parallel : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
  void TearDown() override { set_thread_count(0); }
};

TEST_P(Parallel, CoversEveryItemOnce) {
  std::vector<int> visits(1003, 0);
  parallel_for(1003, 10, [&](int64_t begin, int64_t end) {
    ASSERT_LE(end - begin, 10);
    for (int64_t i = begin; i < end; ++i) {
      ++visits[static_cast<size_t>(i)];
    }
  });
  for (const int count : visits) {
    ASSERT_EQ(count, 1);
  }
}

TEST_P(Parallel, RethrowsTheFirstFailure) {
  try {
    parallel_for(100, 1, [](int64_t begin, int64_t) {
      if (begin >= 40) {
        throw std::runtime_error(std::to_string(begin));
      }
    });
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "40");
  }
}

TEST_P(Parallel, NestsOnTheSameThread) {
  std::vector<int> sums(8, 0);
  parallel_for(8, 1, [&](int64_t outer, int64_t) {
    parallel_for(5, 1, [&](int64_t inner, int64_t) { sums[static_cast<size_t>(outer)] += static_cast<int>(inner); });
  });
  EXPECT_EQ(sums, std::vector<int>(8, 10));
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, testing::Values(1, 2, 5));

}  // namespace
}  // namespace trainer
