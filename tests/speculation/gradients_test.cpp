#include "speculation/gradients.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "speculation/prune.h"

namespace trainer {
namespace {

/// Values over many binades, some of them zero.
std::vector<float> spread_values(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = random.below(8) == 0 ? 0.0F : std::ldexp(random.normal(), -static_cast<int>(random.below(12)));
  }
  return values;
}

Tensor spread_tensor(const Shape& shape, uint64_t seed) {
  Tensor tensor(shape);
  const std::vector<float> values = spread_values(static_cast<size_t>(shape.size()), seed);
  std::copy(values.begin(), values.end(), tensor.data());
  return tensor;
}

ContractionLayer layer_of(int index) {
  ContractionLayer layer;
  layer.index = index;
  layer.output_to_batchnorm = true;
  return layer;
}

TEST(Prune, LeavesZeroOrTheThresholdAndWhatIsLarger) {
  const std::vector<float> before = spread_values(1003, 1);
  std::vector<float> after = before;
  ExponentHistogram histogram{};
  const float threshold = 0.125F;
  const GradientCounts counts = prune(after, 0, threshold, {1, 2}, histogram);
  GradientCounts expected;
  for (size_t i = 0; i < before.size(); ++i) {
    ++expected.values;
    expected.operands += before[i] != 0 ? 1 : 0;
    if (std::fabs(before[i]) >= threshold || before[i] == 0) {
      EXPECT_EQ(after[i], before[i]);
    } else if (after[i] == 0) {
      ++expected.dropped;
    } else {
      EXPECT_EQ(after[i], std::copysign(threshold, before[i]));
      ++expected.kept;
    }
  }
  EXPECT_EQ(counts, expected);
  EXPECT_GT(counts.dropped, 100);
  EXPECT_GT(counts.kept, 50);
}

TEST(Prune, KeepsTheExpectation) {
  // The mean of n draws of +-t or 0 has a standard deviation of t*sqrt(p(1-p)/n).
  for (const float share : {0.01F, 0.3F, 0.5F, 0.97F}) {
    constexpr size_t kCount = 1 << 18;
    std::vector<float> values(kCount, -0.25F * share);
    ExponentHistogram histogram{};
    prune(values, 0, 0.25F, {7, 9}, histogram);
    double sum = 0;
    for (const float value : values) {
      sum += value;
    }
    const double deviation = 0.25 * std::sqrt(share * (1 - share) / kCount);
    EXPECT_NEAR(sum / kCount, -0.25 * share, 5 * deviation) << share;
  }
}

TEST(Prune, NeighboursStepsAndLayersDrawIndependently) {
  constexpr size_t kCount = 1 << 16;
  const auto drawn = [](uint32_t first_element, PruningKey key) {
    std::vector<float> values(kCount, 0.5F);
    ExponentHistogram histogram{};
    prune(values, first_element, 1.0F, key, histogram);
    return values;
  };
  const auto equal = [](const std::vector<float>& a, const std::vector<float>& b, size_t shift) {
    int64_t same = 0;
    for (size_t i = 0; i + shift < a.size(); ++i) {
      same += a[i] == b[i + shift] ? 1 : 0;
    }
    return static_cast<double>(same) / static_cast<double>(a.size() - shift);
  };
  const std::vector<float> values = drawn(0, {3, 4});
  EXPECT_NEAR(equal(values, values, 1), 0.5, 0.02);
  EXPECT_NEAR(equal(values, values, 64), 0.5, 0.02);
  EXPECT_NEAR(equal(values, drawn(0, {5, 4}), 0), 0.5, 0.02);
  EXPECT_NEAR(equal(values, drawn(0, {3, 5}), 0), 0.5, 0.02);
  // The same element draws the same wherever its piece begins.
  const std::vector<float> later = drawn(64, {3, 4});
  EXPECT_TRUE(std::equal(later.begin(), later.end() - 64, values.begin() + 64));
}

TEST(Prune, IsTheSameForEveryVectorWidth) {
  const std::vector<float> before = spread_values(777, 5);
  std::vector<float> expected = before;
  ExponentHistogram expected_histogram{};
  const GradientCounts expected_counts = prune(expected, 5, 0.25F, {8, 1}, expected_histogram);
  int targets = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    std::vector<float> values = before;
    ExponentHistogram histogram{};
    EXPECT_EQ(prune(values, 5, 0.25F, {8, 1}, histogram), expected_counts) << hwy::TargetName(target);
    EXPECT_EQ(values, expected) << hwy::TargetName(target);
    EXPECT_EQ(histogram, expected_histogram);
    ++targets;
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GE(targets, 1);
}

TEST(Prune, LeavesWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  ExponentHistogram histogram{};
  const GradientCounts counts = prune(values, 0, 1.0F, {1, 1}, histogram);
  EXPECT_EQ(values[0], infinity);
  EXPECT_EQ(values[1], -infinity);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(counts.dropped + counts.kept, 0);
  EXPECT_EQ(histogram[255], 3U);
}

TEST(ThresholdExponent, IsTheLargestWithNoMoreBelowThanAllowed) {
  ExponentHistogram histogram{};
  histogram[0] = 50;  // zeros
  histogram[100] = 10;
  histogram[101] = 20;
  histogram[104] = 30;
  histogram[110] = 40;
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.0), 100);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.09), 100);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.10), 101);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.30), 104);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.59), 104);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.60), 110);
  EXPECT_EQ(threshold_exponent(histogram, 50, 0.99), 110);
  EXPECT_EQ(threshold_exponent(ExponentHistogram{}, 0, 0.7), 0);
}

TEST(ThresholdExponent, CountsNeitherInfinitiesNorThresholdsTooSmallToDrawBelow) {
  ExponentHistogram histogram{};
  histogram[255] = 1000;
  histogram[120] = 10;
  EXPECT_EQ(threshold_exponent(histogram, 0, 0.7), 120);
  histogram = {};
  histogram[20] = 10;
  EXPECT_EQ(threshold_exponent(histogram, 0, 0.7), 0);
}

TEST(GradientPruning, DropsNothingInTheFirstStepAndNoMoreThanAskedAfterIt) {
  const Shape shape{8, 6, 12, 12};
  GradientPruning pruning({.drop = 0.7, .seed = 3});
  const Tensor original = spread_tensor(shape, 2);
  for (int64_t step = 0; step < 3; ++step) {
    Tensor dZ = original.clone();
    pruning.begin_step(step);
    pruning.gradient(layer_of(4), dZ);
    const GradientCounts counts = pruning.counts().at(4);
    EXPECT_EQ(counts.values, shape.size());
    if (step == 0) {
      EXPECT_EQ(counts.dropped + counts.kept, 0);
      EXPECT_TRUE(std::equal(original.values().begin(), original.values().end(), dZ.values().begin()));
    } else {
      // The same values again: at most 0.7 below, and more than half of that, the threshold being one binade wide.
      const double below = static_cast<double>(counts.dropped + counts.kept) / static_cast<double>(counts.operands);
      EXPECT_LE(below, 0.7);
      EXPECT_GT(below, 0.35);
      EXPECT_GT(counts.dropped_share(), 0.2);
    }
  }
}

TEST(GradientPruning, EveryChannelHasAThresholdOfItsOwn) {
  const Shape shape{16, 2, 8, 8};
  Tensor original = spread_tensor(shape, 2);
  for (int64_t i = 0; i < shape.channel_size(); ++i) {
    original.channel(1)[i] *= 0x1p-20F;
  }
  GradientPruning pruning({});
  Tensor dZ = original.clone();
  pruning.begin_step(0);
  pruning.gradient(layer_of(0), dZ);
  pruning.begin_step(1);
  pruning.gradient(layer_of(0), dZ);
  float largest = 0;
  for (int64_t i = 0; i < shape.channel_size(); ++i) {
    largest = std::max(largest, std::fabs(dZ.channel(1)[i]));
  }
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, 0x1p-15F);
}

TEST(GradientPruning, SameBitsForAnyNumberOfThreadsAndAfterRestore) {
  const Shape shape{4, 96, 9, 7};
  const auto two_steps = [&](int threads, bool interrupted) {
    set_thread_count(threads);
    GradientPruning first({.drop = 0.6, .seed = 11});
    Tensor dZ = spread_tensor(shape, 1);
    first.begin_step(0);
    first.gradient(layer_of(2), dZ);
    GradientPruning second({.drop = 0.6, .seed = 11});
    second.restore(nlohmann::json::parse(first.state().dump()));
    GradientPruning& last = interrupted ? second : first;
    dZ = spread_tensor(shape, 2);
    last.begin_step(1);
    last.gradient(layer_of(2), dZ);
    set_thread_count(0);
    return std::vector<float>(dZ.values().begin(), dZ.values().end());
  };
  const std::vector<float> expected = two_steps(1, false);
  EXPECT_EQ(two_steps(3, false), expected);
  EXPECT_EQ(two_steps(2, true), expected);
  EXPECT_GT(std::count(expected.begin(), expected.end(), 0.0F), shape.size() / 3);
}

TEST(GradientPruning, RefusesWhatIsOutOfRangeAndDamagedState) {
  EXPECT_THROW(GradientPruning({.drop = 1}), UsageError);
  EXPECT_THROW(GradientPruning({.drop = -0.1}), UsageError);
  EXPECT_THROW(GradientPruning({.drop = std::nan("")}), UsageError);
  GradientPruning pruning({});
  EXPECT_THROW(pruning.restore(nlohmann::json::parse(R"([{"layer": 1}])")), UsageError);
  EXPECT_THROW(pruning.restore(nlohmann::json::parse(R"([{"layer": 1, "threshold_exponents": "x"}])")), UsageError);
}

}  // namespace
}  // namespace trainer
