// What BN makes of a batch in which some outputs were not computed.

#include <gtest/gtest.h>

#include "speculation/speculated_layer.h"

namespace trainer {
namespace {

struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;

  void add(float value) {
    ++count;
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  double mean() const { return sum / count; }
  double deviation() const { return std::sqrt(squares / count - mean() * mean()); }
};

TEST(BatchMoments, AreUnbiasedWithEstimatesAndBiasedWithoutThem) {
  test::SpeculatedLayer at({16, 32, 8, 8, 16, 3, 3, 1, 1}, 0.3);
  FeedforwardSpeculation speculation({.margin = 0});
  double mean_with = 0;
  double deviation_with = 0;
  double mean_without = 0;
  double deviation_without = 0;
  const int kSteps = 6;
  for (int64_t step = 0; step < kSteps; ++step) {
    at.draw(50 + static_cast<uint64_t>(step));
    const Tensor exact = at.exact();
    Tensor Z = exact.clone();
    speculation.begin_step(step);
    const SkippedOutputs skipped = at.speculate(speculation, Z);
    if (step == 0) {
      continue;
    }
    ASSERT_GT(speculation.counts().at(3).skipped_share(), 0.2);
    for (int64_t c = 0; c < Z.shape().c; ++c) {
      Moments all;
      Moments mixed;
      Moments computed;
      for (int64_t i = 0; i < Z.shape().channel_size(); ++i) {
        all.add(exact.channel(c)[i]);
        mixed.add(Z.channel(c)[i]);
        if (!test::is_skipped(skipped, c, i)) {
          computed.add(Z.channel(c)[i]);
        }
      }
      // In the direction of what is live: gamma decides.
      const double sign = at.gamma[static_cast<size_t>(c)] > 0 ? 1 : -1;
      const double share = 1.0 / static_cast<double>((kSteps - 1) * Z.shape().c);
      mean_with += share * sign * (mixed.mean() - all.mean()) / all.deviation();
      mean_without += share * sign * (computed.mean() - all.mean()) / all.deviation();
      deviation_with += share * (mixed.deviation() / all.deviation() - 1);
      deviation_without += share * (computed.deviation() / all.deviation() - 1);
    }
  }
  EXPECT_LT(std::abs(mean_with), 0.02) << "standard deviations";
  EXPECT_LT(std::abs(deviation_with), 0.06);
  EXPECT_GT(mean_without, 0.3);
  EXPECT_LT(deviation_without, -0.2);
}

}  // namespace
}  // namespace trainer
