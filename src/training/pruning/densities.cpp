#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "training/pruning/method.h"

namespace trainer {
namespace {

struct PrunableLayer {
  size_t index = 0;    // among all weights
  double size = 0;     // weights
  double extents = 0;  // sum of the extents: C + K (+ R + S)
};

/// Weights that each layer would keep, not rounded: the same part of every layer.
std::vector<double> uniform_shares(const std::vector<PrunableLayer>& layers, double budget) {
  const double total = std::accumulate(layers.begin(), layers.end(), 0.0,
                                       [](double sum, const PrunableLayer& layer) { return sum + layer.size; });
  std::vector<double> shares;
  shares.reserve(layers.size());
  for (const PrunableLayer& layer : layers) {
    shares.push_back(layer.size * (budget / total));
  }
  return shares;
}

/// Density proportional to extents/size, so the share is proportional to the extents. A layer whose share would exceed
/// its size is kept dense and the others share what is left, until all fit.
std::vector<double> erk_shares(const std::vector<PrunableLayer>& layers, double budget) {
  std::vector<uint8_t> dense(layers.size(), 0);
  std::vector<double> shares(layers.size());
  for (bool all_fit = false; !all_fit;) {
    double left = budget;
    double extents = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      left -= dense[i] != 0 ? layers[i].size : 0;
      extents += dense[i] != 0 ? 0 : layers[i].extents;
    }
    all_fit = true;
    for (size_t i = 0; i < layers.size(); ++i) {
      shares[i] = dense[i] != 0 ? layers[i].size : layers[i].extents * (left / extents);
      if (shares[i] > layers[i].size) {
        dense[i] = 1;
        all_fit = false;
      }
    }
  }
  return shares;
}

/// Whole numbers near `shares` that add up to `budget`, each between 1 and its layer's size: rounded down, then what is
/// missing goes to the largest remainders, and what is too much (layers brought up to 1) comes off the largest layers.
std::vector<int64_t> round_to_budget(const std::vector<PrunableLayer>& layers, const std::vector<double>& shares,
                                     int64_t budget) {
  std::vector<int64_t> counts(shares.size());
  std::vector<size_t> by_remainder(shares.size());
  std::iota(by_remainder.begin(), by_remainder.end(), size_t{0});
  for (size_t i = 0; i < shares.size(); ++i) {
    counts[i] = std::clamp<int64_t>(static_cast<int64_t>(shares[i]), 1, static_cast<int64_t>(layers[i].size));
  }
  std::stable_sort(by_remainder.begin(), by_remainder.end(), [&](size_t a, size_t b) {
    return shares[a] - static_cast<double>(counts[a]) > shares[b] - static_cast<double>(counts[b]);
  });
  int64_t missing = budget - std::accumulate(counts.begin(), counts.end(), int64_t{0});
  for (size_t turn = 0; missing > 0; ++turn) {
    const size_t i = by_remainder[turn % by_remainder.size()];
    if (counts[i] < static_cast<int64_t>(layers[i].size)) {
      ++counts[i];
      --missing;
    }
  }
  for (; missing < 0; ++missing) {
    --*std::max_element(counts.begin(), counts.end());
  }
  return counts;
}

}  // namespace

std::vector<uint8_t> prunable(const PruningOptions& options, std::span<const Parameter* const> weights) {
  const auto is_convolution = [](const Parameter* weight) { return weight->extents.size() == 4; };
  const auto is_linear = [](const Parameter* weight) { return weight->extents.size() == 2; };
  const auto first = std::ranges::find_if(weights, is_convolution);
  const auto last = std::find_if(weights.rbegin(), weights.rend(), is_linear);

  std::vector<uint8_t> result(weights.size(), 1);
  for (size_t i = 0; i < weights.size(); ++i) {
    // The first convolution of a network for grey images sees one channel without being depthwise.
    const bool is_first = static_cast<size_t>(first - weights.begin()) == i;
    if (is_convolution(weights[i]) && !is_first && weights[i]->extents[1] == 1) {
      result[i] = 0;
    }
  }
  if (options.prune_first_and_last) {
    return result;
  }
  if (first != weights.end()) {
    result[static_cast<size_t>(first - weights.begin())] = 0;
  }
  if (last != weights.rend()) {
    result[static_cast<size_t>(weights.rend() - last) - 1] = 0;
  }
  return result;
}

std::vector<double> target_densities(const PruningOptions& options, std::span<const Parameter* const> weights) {
  std::vector<double> densities(weights.size(), 1.0);
  if (options.distribution != "uniform" && options.distribution != "erk") {
    throw UsageError(
        fmt::format("pruning: unknown distribution '{}' of the sparsity; known: uniform, erk", options.distribution));
  }
  if (options.sparsity == 0) {
    return densities;
  }
  std::vector<PrunableLayer> layers;
  int64_t total = 0;
  const std::vector<uint8_t> may_prune = prunable(options, weights);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (may_prune[i] != 0) {
      const std::vector<int64_t>& extents = weights[i]->extents;
      total += weights[i]->pattern->size();
      layers.push_back({i, static_cast<double>(weights[i]->pattern->size()),
                        static_cast<double>(std::accumulate(extents.begin(), extents.end(), int64_t{0}))});
    }
  }
  if (layers.empty()) {
    throw UsageError(fmt::format(
        "pruning: sparsity {} cannot be reached: the model has no layer to prune besides its first and its last",
        options.sparsity));
  }
  const int64_t budget = std::llround((1 - options.sparsity) * static_cast<double>(total));
  if (budget < static_cast<int64_t>(layers.size())) {
    throw UsageError(fmt::format(
        "pruning: sparsity {} cannot be reached: it leaves {} weights to {} layers, and each keeps one; lower it",
        options.sparsity, budget, layers.size()));
  }
  const auto shares = options.distribution == "erk" ? erk_shares(layers, static_cast<double>(budget))
                                                    : uniform_shares(layers, static_cast<double>(budget));
  const std::vector<int64_t> counts = round_to_budget(layers, shares, budget);
  for (size_t i = 0; i < layers.size(); ++i) {
    densities[layers[i].index] = static_cast<double>(counts[i]) / layers[i].size;
  }
  return densities;
}

}  // namespace trainer
