#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "training/helpers.h"
#include "training/pruning/apply.h"
#include "training/pruning/method.h"
#include "training/pruning/selection.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_helpers::random_weight;

PruningOptions options_for(const std::string& method, double fraction = 0.5) {
  PruningOptions options;
  options.method = method;
  options.sparsity = 0.5;
  options.update_fraction = fraction;
  return options;
}

std::shared_ptr<const Pattern> next(const PruningOptions& options, const PruningView& view, double progress,
                                    uint64_t seed = 1) {
  Random random(seed);
  return make_pruning_method(options)->next_pattern(view, progress, random);
}

/// |values| of the unpruned weights at these positions.
std::multiset<float> magnitudes(const Parameter& weight, const std::set<uint32_t>& positions) {
  std::vector<float> dense(static_cast<size_t>(weight.pattern->size()));
  scatter(*weight.pattern, weight.value, dense);
  std::multiset<float> result;
  for (const uint32_t position : positions) {
    result.insert(std::abs(dense[position]));
  }
  return result;
}

struct Change {
  std::set<uint32_t> dropped;
  std::set<uint32_t> grown;
  std::set<uint32_t> kept;
};

Change change(const Pattern& from, const Pattern& to) {
  Change result;
  const auto before = from.mask();
  const auto after = to.mask();
  for (uint32_t i = 0; i < before.size(); ++i) {
    if (before[i] != 0) {
      (after[i] != 0 ? result.kept : result.dropped).insert(i);
    } else if (after[i] != 0) {
      result.grown.insert(i);
    }
  }
  return result;
}

TEST(Rigl, ExactExample) {
  // Unpruned: positions 0 1 3 4 with values 5, -1, 2, 3. Half of them go: 1 and 3 (2 < 3).
  // Gradients of what is pruned then (1 2 3 5 6 7): 1, 9, 0, -8, 2, 3: positions 2 and 5 grow.
  const Parameter weight = testing_helpers::weight({2, 4}, {1, 1, 0, 1, 1, 0, 0, 0}, {5, -1, 2, 3});
  const std::vector<float> gradient = {100, 1, 9, 0, 100, -8, 2, 3};
  const auto pattern = next(options_for("rigl"), {weight, 0.5, gradient}, 0);
  EXPECT_THAT(pattern->mask(), ElementsAre(1, 0, 1, 0, 1, 1, 0, 0));
}

TEST(Rigl, TiesGoToTheEarlierPosition) {
  const Parameter weight = testing_helpers::weight({1, 8}, {1, 1, 1, 1, 0, 0, 0, 0}, {2, -2, 2, 2});
  const std::vector<float> gradient = {0, 0, 0, 0, 1, -1, 1, 1};
  const auto pattern = next(options_for("rigl"), {weight, 0.5, gradient}, 0);
  EXPECT_THAT(pattern->mask(), ElementsAre(1, 1, 0, 0, 1, 1, 0, 0));
}

TEST(Rigl, AWeightJustDroppedMayComeBackAsIfKept) {
  Parameter weight = testing_helpers::weight({1, 4}, {1, 1, 0, 0}, {5, 1});
  const std::vector<float> gradient = {0, 9, 1, 2};
  const auto pattern = next(options_for("rigl"), {weight, 0.5, gradient}, 0);
  EXPECT_EQ(pattern, weight.pattern);
}

TEST(Set, ExactExample) {
  // Two of four unpruned go (1 and -2), and only two positions were pruned before, so both grow whatever the seed.
  const Parameter weight = testing_helpers::weight({2, 3}, {1, 1, 0, 1, 0, 1}, {5, 1, -2, 3});
  for (uint64_t seed = 0; seed < 5; ++seed) {
    EXPECT_THAT(next(options_for("set"), {weight, 0.5, {}}, 0, seed)->mask(), ElementsAre(1, 0, 1, 0, 1, 1));
  }
}

TEST(Set, DropsNoMoreThanCanGrow) {
  const Parameter weight = testing_helpers::weight({1, 5}, {1, 1, 1, 1, 0}, {5, 1, -2, 3});
  EXPECT_THAT(next(options_for("set"), {weight, 0.8, {}}, 0)->mask(), ElementsAre(1, 0, 1, 1, 1));
  const Parameter dense = testing_helpers::weight({1, 3}, {}, {1, 2, 3});
  EXPECT_EQ(next(options_for("set"), {dense, 1, {}}, 0), dense.pattern);
}

TEST(Set, SameSeedSameMaskOtherSeedOtherMask) {
  Random random(11);
  const Parameter weight = random_weight(20, 30, 0.2, random);
  const auto first = next(options_for("set"), {weight, 0.2, {}}, 0.1, 1);
  EXPECT_TRUE(same_mask(*first, *next(options_for("set"), {weight, 0.2, {}}, 0.1, 1)));
  EXPECT_FALSE(same_mask(*first, *next(options_for("set"), {weight, 0.2, {}}, 0.1, 2)));
}

TEST(SetAndRigl, InvariantsOverRandomCases) {
  Random random(17);
  for (int round = 0; round < 200; ++round) {
    for (const char* method : {"set", "rigl"}) {
      SCOPED_TRACE(std::string(method) + " round " + std::to_string(round));
      const auto rows = static_cast<int64_t>(1 + random.below(12));
      const auto columns = static_cast<int64_t>(1 + random.below(40));
      const Parameter weight = random_weight(rows, columns, random.uniform(), random);
      std::vector<float> gradient(static_cast<size_t>(weight.pattern->size()));
      std::ranges::generate(gradient, [&] { return random.normal(); });
      const double progress = random.uniform();
      const PruningOptions options = options_for(method, random.uniform());

      const auto pattern = next(options, {weight, 0.5, gradient}, progress, random.next64());
      ASSERT_EQ(pattern->nonzeros(), weight.pattern->nonzeros());
      const Change moved = change(*weight.pattern, *pattern);
      ASSERT_EQ(moved.dropped.size(), moved.grown.size());
      const int64_t most = drop_count(options, progress, weight.pattern->nonzeros());
      ASSERT_LE(static_cast<int64_t>(moved.dropped.size()), most);
      if (moved.dropped.empty()) {
        continue;
      }
      if (method == std::string("set")) {
        EXPECT_EQ(static_cast<int64_t>(moved.dropped.size()),
                  std::min(most, weight.pattern->size() - weight.pattern->nonzeros()));
        EXPECT_LE(*magnitudes(weight, moved.dropped).rbegin(), *magnitudes(weight, moved.kept).begin());
      } else {
        // Every grown weight has a larger gradient than any that stays pruned, or was dropped.
        float smallest_grown = INFINITY;
        for (const uint32_t position : moved.grown) {
          smallest_grown = std::min(smallest_grown, std::abs(gradient[position]));
        }
        for (const uint32_t position : pruned_positions(*pattern)) {
          EXPECT_GE(smallest_grown, std::abs(gradient[position]));
        }
        // What was dropped is among the `most` smallest weights.
        std::vector<float> sorted(weight.value.begin(), weight.value.end());
        std::ranges::sort(sorted, {}, [](float value) { return std::abs(value); });
        EXPECT_LE(*magnitudes(weight, moved.dropped).rbegin(), std::abs(sorted[static_cast<size_t>(most) - 1]));
      }
    }
  }
}

TEST(SetAndRigl, StopChangingAtTheStop) {
  Random random(2);
  const Parameter weight = random_weight(10, 10, 0.3, random);
  const std::vector<float> gradient(100, 1.0F);
  for (const char* method : {"set", "rigl"}) {
    EXPECT_EQ(next(options_for(method), {weight, 0.3, gradient}, 0.75), weight.pattern);
    EXPECT_EQ(next(options_for(method), {weight, 0.3, gradient}, 1), weight.pattern);
  }
}

TEST(Gradual, ExactExample) {
  // Half way from 0 to 0.8 of the run: sparsity 0.6 * (1 - 0.5^3) = 0.525, of 20 weights 9.5 stay: 10, the largest.
  PruningOptions options = options_for("gradual");
  options.stop_at = 0.8;
  std::vector<float> values;
  for (int i = 0; i < 20; ++i) {
    values.push_back(static_cast<float>(i % 2 == 0 ? i : -i));
  }
  const Parameter weight = testing_helpers::weight({4, 5}, {}, values);
  const auto pattern = next(options, {weight, 0.4, {}}, 0.4);
  EXPECT_THAT(unpruned_positions(*pattern), ElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18, 19));
  EXPECT_EQ(next(options, {weight, 0.4, {}}, 0.8)->nonzeros(), 8);
  EXPECT_EQ(next(options, {weight, 0.4, {}}, 1)->nonzeros(), 8);
}

TEST(Gradual, FallsToItsTargetAndNeverGrows) {
  PruningOptions options = options_for("gradual");
  options.begin_at = 0.2;
  options.stop_at = 0.9;
  Random random(4);
  Parameter weight = random_weight(30, 30, 1.1, random);
  int64_t before = 900;
  for (int step = 0; step <= 20; ++step) {
    const double progress = step / 20.0;
    const auto pattern = next(options, {weight, 0.1, {}}, progress);
    EXPECT_TRUE(change(*weight.pattern, *pattern).grown.empty());
    EXPECT_LE(pattern->nonzeros(), before);
    if (progress <= 0.2) {
      EXPECT_EQ(pattern, weight.pattern);
    }
    before = pattern->nonzeros();
    apply_pattern(weight, pattern);
    std::ranges::generate(weight.value, [&] { return random.normal(); });
  }
  EXPECT_EQ(weight.pattern->nonzeros(), 90);
}

TEST(Gradual, LeavesOneWeightAtLeast) {
  const Parameter weight = testing_helpers::weight({1, 4}, {}, {1, 2, 3, 4});
  EXPECT_EQ(next(options_for("gradual"), {weight, 0.01, {}}, 1)->nonzeros(), 1);
}

TEST(Static, NeverChanges) {
  Random random(6);
  const Parameter weight = random_weight(5, 5, 0.5, random);
  EXPECT_EQ(next(options_for("static"), {weight, 0.5, {}}, 0.1), weight.pattern);
  EXPECT_TRUE(make_pruning_method(options_for("static"))->starts_sparse());
}

TEST(ApplyPattern, GrownStartAtZeroAndPrunedAreGone) {
  Parameter weight = testing_helpers::weight({1, 4}, {1, 1, 0, 0}, {7, 8});
  weight.gradient = {1, 2};
  apply_pattern(weight, Pattern::from_mask(1, 4, std::vector<uint8_t>{0, 1, 1, 1}));
  EXPECT_THAT(weight.value, ElementsAre(8, 0, 0));
  EXPECT_THAT(weight.gradient, ElementsAre(0, 0, 0));
}

TEST(Methods, ListIsWhatCanBeMade) {
  EXPECT_EQ(pruning_method_list().size(), 4U);
  for (const PruningMethodEntry& entry : pruning_method_list()) {
    EXPECT_NE(make_pruning_method(options_for(std::string(entry.name))), nullptr);
    EXPECT_FALSE(entry.summary.empty());
  }
}

TEST(Methods, RefusesWhatItCannotDo) {
  const auto message = [](auto alter) -> std::string {
    PruningOptions options = options_for("set");
    alter(options);
    try {
      make_pruning_method(options);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message([](auto& options) { options.method = "magic"; }),
              HasSubstr("unknown pruning method 'magic'; known: set, rigl, gradual, static"));
  EXPECT_THAT(message([](auto& options) { options.sparsity = 1; }), HasSubstr("sparsity is 1"));
  EXPECT_THAT(message([](auto& options) { options.sparsity = -0.5; }), HasSubstr("sparsity"));
  EXPECT_THAT(message([](auto& options) { options.sparsity = NAN; }), HasSubstr("sparsity"));
  EXPECT_THAT(message([](auto& options) { options.update_interval = 0; }), HasSubstr("update interval"));
  EXPECT_THAT(message([](auto& options) { options.update_fraction = 1.5; }), HasSubstr("update fraction"));
  EXPECT_THAT(message([](auto& options) { options.stop_at = 0; }), HasSubstr("stop-at"));
  EXPECT_THAT(message([](auto& options) { options.begin_at = 0.75; }), HasSubstr("begin-at"));
  EXPECT_THAT(message([](auto& options) { options.start = "first"; }), HasSubstr("known: random, magnitude"));
}

}  // namespace
}  // namespace trainer
