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
  /// Whether next_pattern wants the gradient of pruned weights too.
  virtual bool needs_dense_gradient() const = 0;
  /// The mask from `progress` (0..1 of the run) on. Deterministic in its arguments and the state of `random`.
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

/// Target density of each prunable weight so that all together reach `options.sparsity`. By default the first
/// convolution and the last linear layer stay dense and do not count; the result has density 1 for them.
/// ERK: proportional to (C + K + R + S) / (C * K * R * S), layers that would exceed 1 kept dense.
/// Throws UsageError when the sparsity cannot be reached.
std::vector<double> target_densities(const PruningOptions& options, std::span<const Parameter* const> weights);

}  // namespace trainer
