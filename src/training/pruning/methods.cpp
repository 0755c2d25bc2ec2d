#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "training/pruning/factories.h"
#include "training/pruning/selection.h"

namespace trainer {
namespace {

struct Entry {
  PruningMethodEntry listed;
  std::unique_ptr<PruningMethod> (*make)(const PruningOptions&);
};

constexpr Entry kMethods[] = {
    {{"set", "drops the smallest weights, grows random ones; fully sparse (Mocanu et al. 2018)"}, make_set},
    {{"rigl", "drops the smallest weights, grows where the gradient is largest (Evci et al. 2020)"}, make_rigl},
    {{"gradual", "starts dense, drops the smallest weights on a cubic schedule (Zhu and Gupta 2017)"}, make_gradual},
    {{"static", "a random mask that never changes: the baseline"}, make_static},
};

// Written so that NaN is out of range too.
void require(bool holds, std::string_view option, double value, std::string_view allowed) {
  if (!holds) {
    throw UsageError(fmt::format("pruning: {} is {}, must be {}", option, value, allowed));
  }
}

void validate(const PruningOptions& options) {
  require(options.sparsity >= 0 && options.sparsity < 1, "sparsity", options.sparsity, "at least 0 and below 1");
  require(options.update_interval >= 1, "update interval", static_cast<double>(options.update_interval),
          "1 step or more");
  require(options.update_fraction >= 0 && options.update_fraction <= 1, "update fraction", options.update_fraction,
          "between 0 and 1");
  require(options.stop_at > 0 && options.stop_at <= 1, "stop-at", options.stop_at, "above 0 and at most 1");
  require(options.begin_at >= 0 && options.begin_at < options.stop_at, "begin-at", options.begin_at,
          fmt::format("at least 0 and below stop-at ({})", options.stop_at));
  if (options.start != "random" && options.start != "magnitude") {
    throw UsageError(fmt::format("pruning: unknown starting mask '{}'; known: random, magnitude", options.start));
  }
}

}  // namespace

const std::vector<PruningMethodEntry>& pruning_method_list() {
  static const std::vector<PruningMethodEntry> list = [] {
    std::vector<PruningMethodEntry> entries;
    for (const Entry& entry : kMethods) {
      entries.push_back(entry.listed);
    }
    return entries;
  }();
  return list;
}

std::unique_ptr<PruningMethod> make_pruning_method(const PruningOptions& options) {
  std::vector<std::string_view> known;
  for (const Entry& entry : kMethods) {
    if (entry.listed.name == options.method) {
      validate(options);
      return entry.make(options);
    }
    known.push_back(entry.listed.name);
  }
  throw UsageError(fmt::format("unknown pruning method '{}'; known: {}", options.method, fmt::join(known, ", ")));
}

int64_t unpruned_count(double density, int64_t size) {
  return std::max<int64_t>(1, std::llround(density * static_cast<double>(size)));
}

std::shared_ptr<const Pattern> starting_pattern(const PruningOptions& options, const Parameter& weight, int64_t count,
                                                Random& random) {
  const Pattern& present = *weight.pattern;
  if (count == present.nonzeros()) {
    return weight.pattern;
  }
  if (count > present.nonzeros()) {
    const auto missing = static_cast<size_t>(count - present.nonzeros());
    return pattern_of(present, unpruned_positions(present), random_of(pruned_positions(present), missing, random));
  }
  const auto kept = static_cast<size_t>(count);
  return pattern_of(present, options.start == "magnitude" ? largest_weights(weight, kept)
                                                          : random_of(unpruned_positions(present), kept, random));
}

}  // namespace trainer
