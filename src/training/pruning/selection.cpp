#include "training/pruning/selection.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace trainer {
namespace {

// |x| as an integer in the same order, and a total one: NaN would break the sort.
uint32_t magnitude(float x) { return std::bit_cast<uint32_t>(std::fabs(x)); }

}  // namespace

std::vector<uint32_t> unpruned_positions(const Pattern& pattern) {
  std::vector<uint32_t> positions;
  positions.reserve(static_cast<size_t>(pattern.nonzeros()));
  for (int64_t row = 0; row < pattern.rows(); ++row) {
    const auto first = static_cast<uint32_t>(row * pattern.columns());
    for (uint32_t i = pattern.row_begin()[static_cast<size_t>(row)];
         i < pattern.row_begin()[static_cast<size_t>(row) + 1]; ++i) {
      positions.push_back(first + pattern.column_at(row, i));
    }
  }
  return positions;
}

std::vector<uint32_t> pruned_positions(const Pattern& pattern) {
  std::vector<uint32_t> positions;
  positions.reserve(static_cast<size_t>(pattern.size() - pattern.nonzeros()));
  const std::vector<uint8_t> kept = pattern.mask();
  for (uint32_t position = 0; position < kept.size(); ++position) {
    if (kept[position] == 0) {
      positions.push_back(position);
    }
  }
  return positions;
}

std::vector<uint32_t> largest_of(std::vector<uint32_t> candidates, std::span<const float> scores, size_t count) {
  assert(count <= candidates.size());
  if (count < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<int64_t>(count), candidates.end(),
                     [&](uint32_t a, uint32_t b) {
                       const uint32_t score_a = magnitude(scores[a]);
                       const uint32_t score_b = magnitude(scores[b]);
                       return score_a != score_b ? score_a > score_b : a < b;
                     });
    candidates.resize(count);
  }
  return candidates;
}

std::vector<uint32_t> largest(std::span<const float> scores, size_t count) {
  std::vector<uint32_t> all(scores.size());
  std::iota(all.begin(), all.end(), 0U);
  return largest_of(std::move(all), scores, count);
}

std::vector<uint32_t> random_of(std::vector<uint32_t> candidates, size_t count, Random& random) {
  assert(count <= candidates.size());
  for (size_t i = 0; i < count; ++i) {
    std::swap(candidates[i], candidates[i + random.below(candidates.size() - i)]);
  }
  candidates.resize(count);
  return candidates;
}

std::vector<uint32_t> largest_weights(const Parameter& weight, size_t count) {
  const std::vector<uint32_t> positions = unpruned_positions(*weight.pattern);
  std::vector<uint32_t> chosen = largest(weight.value, count);
  for (uint32_t& index : chosen) {
    index = positions[index];
  }
  return chosen;
}

std::shared_ptr<const Pattern> pattern_of(const Pattern& size_of, std::span<const uint32_t> first,
                                          std::span<const uint32_t> second) {
  std::vector<uint8_t> kept(static_cast<size_t>(size_of.size()), 0);
  for (const std::span<const uint32_t> positions : {first, second}) {
    for (const uint32_t position : positions) {
      kept[position] = 1;
    }
  }
  return Pattern::from_mask(size_of.rows(), size_of.columns(), kept);
}

bool same_mask(const Pattern& a, const Pattern& b) {
  return a.columns() == b.columns() && std::ranges::equal(a.row_begin(), b.row_begin()) &&
         std::ranges::equal(a.column(), b.column());
}

int64_t drop_count(const PruningOptions& options, double progress, int64_t unpruned) {
  if (progress >= options.stop_at) {
    return 0;
  }
  const double fraction = options.update_fraction / 2 * (1 + std::cos(std::numbers::pi * progress / options.stop_at));
  return std::min(static_cast<int64_t>(fraction * static_cast<double>(unpruned)), unpruned - 1);
}

}  // namespace trainer
