#include "speculation/feedforward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/error.h"
#include "base/parallel.h"
#include "speculation/plain_estimate.h"
#include "speculation/speculated_layer.h"

namespace trainer {
namespace {

using test::is_skipped;
using test::SpeculatedLayer;

/// Moments of the estimate and gain of one channel, by definition.
struct Plain {
  double mean = 0;
  double variance = 0;
  double gain = 0;
};

Plain plain_of(std::span<const double> Zhat, std::span<const float> Z) {
  Plain plain;
  double products = 0;
  double squares = 0;
  for (size_t i = 0; i < Z.size(); ++i) {
    plain.mean += Zhat[i] / static_cast<double>(Z.size());
    products += Zhat[i] * static_cast<double>(Z[i]);
    squares += Zhat[i] * Zhat[i];
  }
  plain.gain = products / squares;
  plain.variance = squares / static_cast<double>(Z.size()) - plain.mean * plain.mean;
  return plain;
}

TEST(FeedforwardSpeculation, LearnsInAFirstStep) {
  SpeculatedLayer at;
  FeedforwardSpeculation speculation({});
  speculation.begin_step(0);
  Tensor Z = at.exact();
  const Tensor exact = Z.clone();
  const SkippedOutputs skipped = at.speculate(speculation, Z);
  EXPECT_TRUE(std::ranges::all_of(skipped.bits, [](uint64_t word) { return word == 0; }));
  EXPECT_EQ(test::max_error(Z.values(), exact.values()), 0);
  const FeedforwardCounts& counts = speculation.counts().at(3);
  EXPECT_EQ(counts.outputs, Z.size());
  EXPECT_EQ(counts.predicted, 0);
  EXPECT_EQ(counts.missed, counts.dead());
  EXPECT_GT(counts.wanted, Z.size() / 4);
  EXPECT_LT(counts.wanted, 3 * Z.size() / 4);
}

TEST(FeedforwardSpeculation, SkipsWhatThePlainLoopsPredict) {
  for (const bool with_shortcut : {false, true}) {
    SpeculatedLayer at;
    at.with_shortcut = with_shortcut;
    FeedforwardSpeculation speculation({.margin = 0.3});
    speculation.begin_step(0);
    Tensor first = at.exact();
    const auto first_estimate = test::plain_estimate(at.layer.geometry, at.X, at.view());
    at.speculate(speculation, first);

    at.draw(11);
    speculation.begin_step(1);
    const Tensor exact = at.exact();
    Tensor Z = exact.clone();
    const auto estimate = test::plain_estimate(at.layer.geometry, at.X, at.view());
    const SkippedOutputs skipped = at.speculate(speculation, Z);
    EXPECT_EQ(skipped.reads_shortcut, with_shortcut);

    const int64_t count = Z.shape().channel_size();
    int64_t skips = 0;
    int64_t audits = 0;
    for (int64_t c = 0; c < Z.shape().c; ++c) {
      const auto at_channel = static_cast<size_t>(c * count);
      const Plain plain = plain_of(std::span(first_estimate).subspan(at_channel, static_cast<size_t>(count)),
                                   {first.channel(c), static_cast<size_t>(count)});
      const double gamma = at.gamma[static_cast<size_t>(c)];
      for (int64_t i = 0; i < count; ++i) {
        const double Zhat = estimate[at_channel + static_cast<size_t>(i)];
        const double y =
            gamma * plain.gain * (Zhat - plain.mean) / std::sqrt(plain.gain * plain.gain * plain.variance + 1e-5) +
            at.beta[static_cast<size_t>(c)] + (with_shortcut ? at.shortcut.channel(c)[i] : 0);
        const double bound = -0.3 * std::abs(gamma);
        const bool skip = is_skipped(skipped, c, i);
        if (std::abs(y - bound) > 1e-4) {
          if (y > bound) {
            ASSERT_FALSE(skip);
          } else {
            audits += skip ? 0 : 1;
          }
        }
        skips += skip ? 1 : 0;
        if (skip) {
          ASSERT_NEAR(Z.channel(c)[i], plain.gain * Zhat, 1e-4);
        } else {
          ASSERT_EQ(Z.channel(c)[i], exact.channel(c)[i]);
        }
      }
    }
    const FeedforwardCounts& counts = speculation.counts().at(3);
    EXPECT_EQ(counts.skipped, skips);
    EXPECT_NEAR(static_cast<double>(counts.audited), static_cast<double>(audits), 2);
    EXPECT_EQ(counts.audited, skipped.audited);
    EXPECT_GT(counts.skipped, Z.size() / 5);
    EXPECT_GT(counts.audited, 0);
  }
}

TEST(FeedforwardSpeculation, CountsAddUpAndAreThoseOfTheMixedBatch) {
  SpeculatedLayer at;
  at.with_shortcut = true;
  FeedforwardSpeculation speculation({.margin = 0});
  FeedforwardCounts total;
  for (int64_t step = 0; step < 5; ++step) {
    at.draw(20 + static_cast<uint64_t>(step));
    const Tensor exact = at.exact();
    Tensor Z = exact.clone();
    speculation.begin_step(step);
    const SkippedOutputs skipped = at.speculate(speculation, Z);
    const FeedforwardCounts& counts = speculation.counts().at(3);
    EXPECT_EQ(counts.predicted, counts.skipped + counts.audited);
    EXPECT_EQ(counts.dead(), counts.skipped - counts.false_skips + counts.missed);
    EXPECT_LE(counts.audited_live, counts.audited);

    FeedforwardCounts plain;
    const int64_t count = Z.shape().channel_size();
    for (int64_t c = 0; c < Z.shape().c; ++c) {
      double mean = 0;
      double squares = 0;
      for (int64_t i = 0; i < count; ++i) {
        mean += static_cast<double>(Z.channel(c)[i]) / static_cast<double>(count);
        squares += std::pow(static_cast<double>(Z.channel(c)[i]), 2) / static_cast<double>(count);
      }
      const double scale = at.gamma[static_cast<size_t>(c)] / std::sqrt(squares - mean * mean + 1e-5);
      for (int64_t i = 0; i < count; ++i) {
        const double y =
            (exact.channel(c)[i] - mean) * scale + at.beta[static_cast<size_t>(c)] + at.shortcut.channel(c)[i];
        plain.wanted += y > 0 ? 1 : 0;
        plain.false_skips += y > 0 && is_skipped(skipped, c, i) ? 1 : 0;
      }
    }
    EXPECT_NEAR(static_cast<double>(counts.wanted), static_cast<double>(plain.wanted), 2) << "but for rounding";
    EXPECT_NEAR(static_cast<double>(counts.false_skips), static_cast<double>(plain.false_skips), 2);
    total += counts;
  }
  EXPECT_GT(total.false_skips, 0);
  EXPECT_EQ(total.outputs, 5 * at.exact().size());
  EXPECT_GT(total.recall(), 0.5);
  EXPECT_GT(total.precision(), 0.8);
  EXPECT_LT(total.precision(), 1);
}

TEST(FeedforwardSpeculation, ClearsActivationsOfSkippedOutputsAlone) {
  SpeculatedLayer at;
  FeedforwardSpeculation speculation({});
  for (int64_t step = 0; step < 2; ++step) {
    Tensor Z = at.exact();
    speculation.begin_step(step);
    const SkippedOutputs skipped = at.speculate(speculation, Z);
    Tensor A(Z.shape());
    A.fill(2);
    speculation.rectified(at.layer, A);
    for (int64_t c = 0; c < A.shape().c; ++c) {
      for (int64_t i = 0; i < A.shape().channel_size(); ++i) {
        ASSERT_EQ(A.channel(c)[i], is_skipped(skipped, c, i) ? 0 : 2);
      }
    }
  }
}

TEST(FeedforwardSpeculation, FollowsAnotherBatchSizeAndGroups) {
  SpeculatedLayer one({8, 6, 7, 5, 10, 3, 3, 1, 1});
  SpeculatedLayer two({3, 6, 7, 5, 10, 3, 3, 2, 1, 1, 2}, 1);
  FeedforwardSpeculation speculation({});
  for (SpeculatedLayer* at : {&one, &two, &one}) {
    Tensor Z = at->exact();
    speculation.begin_step(0);
    at->speculate(speculation, Z);
    EXPECT_EQ(speculation.counts().at(3).outputs, Z.size());
  }
}

/// All that ten steps leave, after a save and restore before step `restored` (none: 10).
std::string trace(int64_t restored, int threads) {
  set_thread_count(threads);
  SpeculatedLayer at;
  auto speculation = std::make_unique<FeedforwardSpeculation>(FeedforwardOptions{.audit_rate = 0.25, .seed = 7});
  std::string trace;
  for (int64_t step = 0; step < 10; ++step) {
    if (step == restored) {
      const std::string saved = speculation->state().dump();
      speculation = std::make_unique<FeedforwardSpeculation>(FeedforwardOptions{.audit_rate = 0.25, .seed = 7});
      speculation->restore(nlohmann::json::parse(saved));
    }
    at.draw(30 + static_cast<uint64_t>(step));
    Tensor Z = at.exact();
    speculation->begin_step(step);
    at.speculate(*speculation, Z);
    trace.append(reinterpret_cast<const char*>(Z.data()), static_cast<size_t>(Z.bytes()));
  }
  set_thread_count(0);
  return trace + speculation->state().dump();
}

TEST(FeedforwardSpeculation, IsTheSameForAnyThreadsAndAfterRestoring) {
  const std::string whole = trace(10, 1);
  EXPECT_TRUE(trace(10, 3) == whole);
  EXPECT_TRUE(trace(1, 1) == whole);
  EXPECT_TRUE(trace(6, 2) == whole);
}

TEST(FeedforwardSpeculation, RefusesWhatMakesNoSense) {
  for (const FeedforwardOptions& options :
       {FeedforwardOptions{.false_skip_target = 0}, FeedforwardOptions{.false_skip_target = 1},
        FeedforwardOptions{.audit_rate = 0}, FeedforwardOptions{.audit_rate = 1.5}, FeedforwardOptions{.margin = -1},
        FeedforwardOptions{.decay = 1}}) {
    EXPECT_THROW(FeedforwardSpeculation{options}, UsageError);
  }
  FeedforwardSpeculation speculation({});
  EXPECT_THROW(speculation.margin(5), std::logic_error);
  EXPECT_THROW(speculation.restore(nlohmann::json::parse("{}")), UsageError);
  EXPECT_THROW(speculation.restore(nlohmann::json::parse(R"({"version": 2, "layers": []})")), UsageError);
  EXPECT_THROW(speculation.restore(nlohmann::json::parse(R"({"version": 1, "layers": [{"index": 1}]})")), UsageError);
}

}  // namespace
}  // namespace trainer
