#include "speculation/channel_pass.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "network/support.h"

namespace trainer::speculation {
namespace {

std::vector<float> random_values(int64_t count, uint64_t seed) {
  const Tensor tensor = test::random_tensor({1, count, 1, 1}, seed);
  return {tensor.values().begin(), tensor.values().end()};
}

bool bit(const std::vector<uint64_t>& words, int64_t i) {
  return ((words[static_cast<size_t>(i / 64)] >> (i % 64)) & 1U) != 0;
}

class ChannelPass : public testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  const int64_t count_ = std::get<0>(GetParam());
  const bool has_shortcut_ = std::get<1>(GetParam());
  const std::vector<float> Z_ = random_values(count_, 1);
  const std::vector<float> Zhat_ = random_values(count_, 2);
  const std::vector<float> shortcut_ = random_values(count_, 3);
  const size_t words_ = static_cast<size_t>((count_ + 63) / 64);
};

TEST_P(ChannelPass, PredictsAndSumsAsThePlainLoop) {
  const std::vector<uint64_t> sample(words_, 0x8421084210842108U);
  std::vector<uint64_t> audited(words_, ~uint64_t{0});
  std::vector<uint64_t> skipped(words_, ~uint64_t{0});
  PredictJob job;
  job.count = count_;
  job.Z = Z_.data();
  job.Zhat = Zhat_.data();
  job.shortcut = has_shortcut_ ? shortcut_.data() : nullptr;
  job.scale = 0.7F;
  job.offset = -0.2F;
  job.gain = 0.9F;
  job.shift = 0.1F;
  job.sample = sample.data();
  job.audited = audited.data();
  job.skipped = skipped.data();
  const PredictSums sums = predict(job);

  PredictSums plain;
  for (int64_t i = 0; i < count_; ++i) {
    const auto at = static_cast<size_t>(i);
    const bool predicted = 0.7F * Zhat_[at] - 0.2F + (has_shortcut_ ? shortcut_[at] : 0) < 0;
    ASSERT_EQ(bit(skipped, i), predicted && !bit(sample, i)) << i;
    ASSERT_EQ(bit(audited, i), predicted && bit(sample, i)) << i;
    const double x = static_cast<double>(Zhat_[at]) - 0.1;
    const double m = static_cast<double>(bit(skipped, i) ? 0.9F * Zhat_[at] : Z_[at]) - 0.09;
    plain.estimate += x;
    plain.estimate_squares += x * x;
    plain.mixed += m;
    plain.mixed_squares += m * m;
    if (!bit(skipped, i)) {
      plain.products += static_cast<double>(Z_[at]) * static_cast<double>(Zhat_[at]);
      plain.squares += static_cast<double>(Zhat_[at]) * static_cast<double>(Zhat_[at]);
    }
  }
  const double bound = 1e-6 * static_cast<double>(count_) + 1e-6;
  EXPECT_NEAR(sums.estimate, plain.estimate, bound);
  EXPECT_NEAR(sums.estimate_squares, plain.estimate_squares, bound);
  EXPECT_NEAR(sums.mixed, plain.mixed, bound);
  EXPECT_NEAR(sums.mixed_squares, plain.mixed_squares, bound);
  EXPECT_NEAR(sums.products, plain.products, bound);
  EXPECT_NEAR(sums.squares, plain.squares, bound);
  const int64_t rest = count_ % 64;
  if (rest != 0) {
    EXPECT_EQ((audited.back() | skipped.back()) >> rest, 0U) << "bits past the last output";
  }
}

TEST_P(ChannelPass, JudgesAndMixesAsThePlainLoop) {
  const std::vector<uint64_t> skipped(words_, 0x00FF00FF00FF00FFU);
  const std::vector<uint64_t> audited(words_, 0x0F000F000F000F00U);
  std::vector<float> Z = Z_;
  JudgeJob job;
  job.count = count_;
  job.Z = Z.data();
  job.Zhat = Zhat_.data();
  job.gain = 0.9F;
  job.shortcut = has_shortcut_ ? shortcut_.data() : nullptr;
  job.mean = 0.2F;
  job.scale = -1.5F;
  job.beta = 0.3F;
  job.audited = audited.data();
  job.skipped = skipped.data();
  const JudgeCounts counts = judge_and_mix(job);
  JudgeCounts plain;
  for (int64_t i = 0; i < count_; ++i) {
    const auto at = static_cast<size_t>(i);
    if ((Z_[at] - 0.2F) * -1.5F + 0.3F + (has_shortcut_ ? shortcut_[at] : 0) > 0) {
      ++plain.live;
      plain.live_audited += bit(audited, i) ? 1 : 0;
      plain.live_skipped += bit(skipped, i) ? 1 : 0;
    }
    ASSERT_EQ(Z[at], bit(skipped, i) ? 0.9F * Zhat_[at] : Z_[at]) << i;
  }
  EXPECT_EQ(counts.live, plain.live);
  EXPECT_EQ(counts.live_audited, plain.live_audited);
  EXPECT_EQ(counts.live_skipped, plain.live_skipped);
}

TEST_P(ChannelPass, ClearsWhatWasSkippedAlone) {
  std::vector<float> values = Z_;
  std::vector<uint64_t> skipped(words_, 0x123456789ABCDEF0U);
  skipped[0] = count_ > 64 ? 0 : skipped[0];
  clear_skipped(skipped.data(), count_, values.data());
  for (int64_t i = 0; i < count_; ++i) {
    ASSERT_EQ(values[static_cast<size_t>(i)], bit(skipped, i) ? 0 : Z_[static_cast<size_t>(i)]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ChannelPass,
                         testing::Combine(testing::Values(1, 63, 64, 65, 200, 4096, 10000), testing::Bool()));

}  // namespace
}  // namespace trainer::speculation
