#include "speculation/audit.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace trainer {
namespace {

double share(const AuditSample& sample) {
  constexpr int64_t kWords = 4000;
  int64_t bits = 0;
  for (int64_t word = 0; word < kWords; ++word) {
    bits += std::popcount(sample.word(word % 7, word));
  }
  return static_cast<double>(bits) / (64 * kWords);
}

TEST(AuditSample, HoldsItsRate) {
  for (const double rate : {1.0 / 64, 0.3, 0.75, 1.0 / 1024, 1.0}) {
    // Five standard deviations of a binomial share.
    EXPECT_NEAR(share({rate, 1, 2, 3}), rate, 5 * std::sqrt(rate * (1 - rate) / 256000) + 1e-5) << rate;
  }
}

TEST(AuditSample, DependsOnAllThatNamesAnOutput) {
  const AuditSample sample(0.5, 1, 2, 3);
  EXPECT_EQ(sample.word(4, 5), AuditSample(0.5, 1, 2, 3).word(4, 5));
  EXPECT_NE(sample.word(4, 5), sample.word(5, 4));
  EXPECT_NE(sample.word(4, 5), AuditSample(0.5, 9, 2, 3).word(4, 5));
  EXPECT_NE(sample.word(4, 5), AuditSample(0.5, 1, 9, 3).word(4, 5));
  EXPECT_NE(sample.word(4, 5), AuditSample(0.5, 1, 2, 9).word(4, 5));
}

TEST(AuditSample, PicksEveryPlaceOfAWordAlike) {
  const AuditSample sample(1.0 / 64, 1, 1, 1);
  int counts[64] = {};
  for (int64_t word = 0; word < 64000; ++word) {
    const uint64_t bits = sample.word(0, word);
    for (int bit = 0; bit < 64; ++bit) {
      counts[bit] += static_cast<int>((bits >> bit) & 1U);
    }
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, 1000, 160);  // five standard deviations
  }
}

}  // namespace
}  // namespace trainer
