#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "network/parameter.h"

namespace trainer {

struct PruningOptions {
  std::string method = "set";        ///< one of pruning_method_list()
  double sparsity = 0;               ///< of all prunable weights together, 0..1; 0 is dense training
  std::string distribution = "erk";  ///< uniform | erk (Erdos-Renyi-kernel, Evci et al. 2020)
  int64_t update_interval = 100;     ///< steps between changes of the mask
  double update_fraction = 0.3;  ///< of a layer's unpruned weights dropped and regrown at the first update; cosine to 0
  double stop_at = 0.75;         ///< part of the run after which the mask stays
  double begin_at = 0;           ///< gradual: part of the run at which pruning starts
  /// Which weights a mask that starts sparse keeps: random, or magnitude (the largest: for weights trained before).
  std::string start = "random";
  bool prune_first_and_last = false;  ///< the first convolution and the last linear layer too
};

/// What a method sees of one layer when it is asked for a new mask.
struct PruningView {
  const Parameter& weight;
  double target_density = 1;              ///< of this layer, at the end
  std::span<const float> dense_gradient;  ///< of all weights; empty unless needs_dense_gradient()
};

/// How a mask changes while training goes on. One file each; the table is in methods.cpp.
class PruningMethod {
 public:
  virtual ~PruningMethod() = default;

  /// Whether training starts at the target density (true) or dense.
  virtual bool starts_sparse() const = 0;
  /// Whether next_pattern wants the gradient of pruned weights too. If so, a step that changes the mask uses its
  /// gradient for that instead of for UP (RigL's algorithm 1).
  virtual bool needs_dense_gradient() const = 0;
  /// The mask from `progress` (0..1 of the run) on, at least one weight. Deterministic in its arguments and the state
  /// of `random`. Returns the present pattern itself when nothing changes.
  virtual std::shared_ptr<const Pattern> next_pattern(const PruningView& view, double progress,
                                                      Random& random) const = 0;
};

struct PruningMethodEntry {
  std::string_view name;
  std::string_view summary;  ///< one line, for `trainer list`
};
const std::vector<PruningMethodEntry>& pruning_method_list();
/// Throws UsageError for an unknown method or a value out of range.
std::unique_ptr<PruningMethod> make_pruning_method(const PruningOptions& options);

/// Which of a network's convolution and linear weights (in order of execution) pruning may touch and sparsity counts:
/// all but the first convolution and the last linear layer, unless the options say otherwise, and never a depthwise
/// convolution (extents K x 1 x R x S): it has few weights, and each of them is most of what an output sees.
std::vector<uint8_t> prunable(const PruningOptions& options, std::span<const Parameter* const> weights);

/// Target density of each weight so that the prunable ones together keep round((1 - sparsity) * their number) weights,
/// each at least one; a layer of `size` weights keeps unpruned_count(density, size). Density 1 for those not prunable.
/// ERK: proportional to (C + K + R + S) / (C * K * R * S), layers that would exceed 1 kept dense.
/// Throws UsageError when the sparsity cannot be reached.
std::vector<double> target_densities(const PruningOptions& options, std::span<const Parameter* const> weights);

/// round(density * size), but at least 1.
int64_t unpruned_count(double density, int64_t size);

/// The mask training starts with: `count` weights, chosen among those that `weight` has unpruned (see
/// PruningOptions::start); if it has fewer, they all stay and random ones join them.
std::shared_ptr<const Pattern> starting_pattern(const PruningOptions& options, const Parameter& weight, int64_t count,
                                                Random& random);

}  // namespace trainer
