#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "network/parameter.h"
#include "training/pruning/method.h"

/// What pruning methods are made of. A position is row * columns + column of a weight; lists of positions need not be
/// sorted unless it says so.
namespace trainer {

/// Positions of the unpruned weights, ascending: entry i belongs to value i.
std::vector<uint32_t> unpruned_positions(const Pattern& pattern);
/// Positions of the pruned weights, ascending.
std::vector<uint32_t> pruned_positions(const Pattern& pattern);

/// The `count` numbers i whose |scores[i]| are largest; of equal ones the lower number wins, NaN counts as largest.
std::vector<uint32_t> largest(std::span<const float> scores, size_t count);
/// The same among `candidates` (ascending) alone.
std::vector<uint32_t> largest_of(std::vector<uint32_t> candidates, std::span<const float> scores, size_t count);
/// `count` of `candidates`, every subset equally likely.
std::vector<uint32_t> random_of(std::vector<uint32_t> candidates, size_t count, Random& random);

/// Positions of the `count` unpruned weights of largest magnitude.
std::vector<uint32_t> largest_weights(const Parameter& weight, size_t count);

/// The pattern of `size_of`'s extents that keeps these positions.
std::shared_ptr<const Pattern> pattern_of(const Pattern& size_of, std::span<const uint32_t> first,
                                          std::span<const uint32_t> second = {});
bool same_mask(const Pattern& a, const Pattern& b);

/// How many of `unpruned` weights to drop and regrow at `progress`: update_fraction / 2 * (1 + cos(pi * progress /
/// stop_at)) of them, rounded down; 0 from stop_at on, and never all of them. Evci et al. 2020, section 3, (3).
int64_t drop_count(const PruningOptions& options, double progress, int64_t unpruned);

}  // namespace trainer
