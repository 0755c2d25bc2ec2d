#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "training/helpers.h"
#include "training/pruning/method.h"

namespace trainer {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

/// Weights of a network, all unpruned.
class Weights {
 public:
  explicit Weights(const std::vector<std::vector<int64_t>>& extents) {
    for (const auto& layer : extents) {
      int64_t size = 1;
      for (const int64_t extent : layer) {
        size *= extent;
      }
      parameters_.push_back(testing_helpers::weight(layer, {}, std::vector<float>(static_cast<size_t>(size))));
    }
    for (const Parameter& parameter : parameters_) {
      pointers_.push_back(&parameter);
    }
  }
  std::span<const Parameter* const> all() const { return pointers_; }

 private:
  std::vector<Parameter> parameters_;
  std::vector<const Parameter*> pointers_;
};

PruningOptions sparsity(double value, const std::string& distribution, bool all_layers = false) {
  PruningOptions options;
  options.sparsity = value;
  options.distribution = distribution;
  options.prune_first_and_last = all_layers;
  return options;
}

const Weights& example() {
  static const Weights weights(
      {{8, 3, 3, 3}, {8, 8, 3, 3}, {16, 8, 3, 3}, {16, 8, 1, 1}, {16, 1, 3, 3}, {32, 16, 3, 3}, {20, 32}, {10, 20}});
  return weights;
}

TEST(Densities, ErkByHand) {
  // A: 8x4x3x3 = 288 weights, extents 8+4+3+3 = 18. B: 16x8x3x9 = 3456 weights, extents 16+8+3+9 = 36.
  // Of the 3744 weights 144 stay, shared as 18 : 36: A keeps 48 of 288 (1/6), B 96 of 3456 (1/36).
  const Weights weights({{8, 4, 3, 3}, {16, 8, 3, 9}});
  EXPECT_THAT(target_densities(sparsity(1 - 144.0 / 3744, "erk", true), weights.all()),
              ElementsAre(DoubleEq(1.0 / 6), DoubleEq(1.0 / 36)));
}

TEST(Densities, ErkKeepsSmallLayersDense) {
  // C: 16 weights, extents 10; D: 2304 weights, extents 38. Of 2320, 232 stay; C's share would be 232*10/48 = 48 > 16.
  const Weights weights({{4, 4, 1, 1}, {16, 16, 3, 3}});
  EXPECT_THAT(target_densities(sparsity(0.9, "erk", true), weights.all()), ElementsAre(1, DoubleEq(216.0 / 2304)));
}

TEST(Densities, UniformIsTheSameEverywhere) {
  const Weights weights({{10, 10, 1, 1}, {20, 10, 1, 1}, {10, 20}});
  EXPECT_THAT(target_densities(sparsity(0.8, "uniform", true), weights.all()),
              ElementsAre(DoubleEq(0.2), DoubleEq(0.2), DoubleEq(0.2)));
}

TEST(Densities, FirstConvolutionAndLastLinearStayDense) {
  const PruningOptions options = sparsity(0.9, "uniform");
  EXPECT_THAT(prunable(options, example().all()), ElementsAre(0, 1, 1, 1, 0, 1, 1, 0));
  const auto densities = target_densities(options, example().all());
  EXPECT_EQ(densities.front(), 1);
  EXPECT_EQ(densities.back(), 1);
  EXPECT_LT(densities[1], 0.2);
  EXPECT_THAT(prunable(sparsity(0.9, "uniform", true), example().all()), ElementsAre(1, 1, 1, 1, 0, 1, 1, 1));
}

TEST(Densities, DepthwiseConvolutionsStayDense) {
  const Weights weights({{8, 1, 3, 3}, {8, 1, 3, 3}, {16, 8, 1, 1}, {16, 1, 5, 5}, {4, 1}, {10, 16}});
  EXPECT_THAT(prunable(sparsity(0.9, "erk"), weights.all()), ElementsAre(0, 0, 1, 0, 1, 0));
  // The first may be pruned: of one channel there is nothing to be depthwise in.
  EXPECT_THAT(prunable(sparsity(0.9, "erk", true), weights.all()), ElementsAre(1, 0, 1, 0, 1, 1));
}

TEST(Densities, TogetherReachTheSparsityExactly) {
  for (const char* distribution : {"uniform", "erk"}) {
    for (const bool all_layers : {false, true}) {
      for (const double value : {0.001, 0.1, 0.25, 0.333, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 0.99, 0.998}) {
        SCOPED_TRACE(std::string(distribution) + " " + std::to_string(value));
        const PruningOptions options = sparsity(value, distribution, all_layers);
        const auto densities = target_densities(options, example().all());
        const auto counts = prunable(options, example().all());
        int64_t unpruned = 0;
        int64_t total = 0;
        for (size_t i = 0; i < densities.size(); ++i) {
          ASSERT_LE(densities[i], 1);
          const int64_t size = example().all()[i]->pattern->size();
          ASSERT_GE(unpruned_count(densities[i], size), 1);
          ASSERT_NEAR(densities[i] * static_cast<double>(size), static_cast<double>(unpruned_count(densities[i], size)),
                      1e-6);
          if (counts[i] != 0) {
            unpruned += unpruned_count(densities[i], size);
            total += size;
          }
        }
        EXPECT_EQ(unpruned, std::llround((1 - value) * static_cast<double>(total)));
      }
    }
  }
}

TEST(Densities, ZeroIsDense) {
  const auto densities = target_densities(sparsity(0, "erk"), example().all());
  EXPECT_THAT(densities, testing::Each(1.0));
}

TEST(Densities, EveryLayerKeepsOneWeight) {
  // 3 of 1029 weights stay, and the small layers' shares are far below one.
  const Weights weights({{2, 2, 1, 1}, {32, 32, 1, 1}, {1, 1}});
  const auto densities = target_densities(sparsity(1 - 3.0 / 1029, "uniform", true), weights.all());
  EXPECT_THAT(densities, ElementsAre(DoubleEq(0.25), DoubleEq(1.0 / 1024), DoubleEq(1)));
}

TEST(Densities, RefusesWhatCannotBeReached) {
  const auto message = [](const PruningOptions& options, const Weights& weights) -> std::string {
    try {
      target_densities(options, weights.all());
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message(sparsity(0.9999, "erk"), example()), HasSubstr("leaves 1 weights to 5 layers"));
  EXPECT_THAT(message(sparsity(0.5, "erk"), Weights({{4, 3, 3, 3}, {10, 4}})), HasSubstr("no layer to prune"));
  EXPECT_THAT(message(sparsity(0.5, "even"), example()), HasSubstr("known: uniform, erk"));
}

}  // namespace
}  // namespace trainer
