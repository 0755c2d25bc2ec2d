#include <gtest/gtest.h>

#include <cstdlib>

#include "base/parallel.h"
#include "processor/golden/compare.h"

namespace trainer::golden_test {
namespace {

/// One case in so many compares the times of every dataflow, not of the chosen one alone.
constexpr uint64_t kEveryDataflow = 30;

void compare_cases(uint64_t first, uint64_t count) {
  set_thread_count(1);  // layers so small are slower on more
  for (uint64_t number = first; number < first + count; ++number) {
    const Case c = random_case(number);
    ASSERT_TRUE(same(c, number % kEveryDataflow == 0));
    ASSERT_TRUE(same_units(c));
  }
}

constexpr uint64_t kShard = 50;

class GoldenRandomShard : public testing::TestWithParam<uint64_t> {};

TEST_P(GoldenRandomShard, FastModelIsTheGoldenModel) { compare_cases(GetParam() * kShard, kShard); }

INSTANTIATE_TEST_SUITE_P(All, GoldenRandomShard, testing::Range<uint64_t>(0, 12));

uint64_t number_of(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// The cases that GOLDEN_FIRST and GOLDEN_CASES name, as a failure does; the first one where they are not set.
TEST(GoldenRandom, Given) { compare_cases(number_of("GOLDEN_FIRST", 0), number_of("GOLDEN_CASES", 1)); }

}  // namespace
}  // namespace trainer::golden_test
