#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "network/step_hook.h"
#include "speculation/exponent_histogram.h"
#include "speculation/gradient_counts.h"

namespace trainer {

struct GradientOptions {
  double drop = 0.7;  ///< part of a channel's non-zero dZ that may lie below its threshold, 0 up to 0.99
  uint64_t seed = 1;  ///< of the random numbers
};

/// Biased exponent (FP32) of the largest power of two that at most `drop` of the non-zero finite values lie below; 0
/// where no value is to be changed. `zeros` of the histogram's values are zero.
int threshold_exponent(const ExponentHistogram& histogram, int64_t zeros, double drop);

/// Pruning of the operand dZ of BP and WG. BN's backpropagation turns the zeros of dY into small values; per channel,
/// those below a threshold become 0 or +-threshold with the same expectation (prune.h). The threshold is a power of
/// two from the exponents of the channel's dZ in the step before; in a layer's first step nothing is changed.
///
/// Deterministic: the same values for any number of threads and, after restore(), those of a run never interrupted.
class GradientPruning {
 public:
  /// Throws UsageError for options out of range.
  explicit GradientPruning(const GradientOptions& options);

  /// 0-based. Before the first layer of each step.
  void begin_step(int64_t step);
  /// Whether this layer's dZ is pruned: it comes from a BN. Others have exact zeros.
  static bool applies_to(const ContractionLayer& layer) { return layer.output_to_batchnorm; }
  /// From StepHook::gradient() of a layer to which it applies. `dZ` is FP32.
  void gradient(const ContractionLayer& layer, Tensor& dZ);

  /// Of the present step, by ContractionLayer::index: layers that gradient() has seen.
  const std::map<int, GradientCounts>& counts() const { return counts_; }

  /// Everything that later steps depend on.
  nlohmann::json state() const;
  /// Throws UsageError for a state that is not one.
  void restore(const nlohmann::json& state);

 private:
  GradientOptions options_;
  int64_t step_ = 0;
  std::map<int, std::vector<uint8_t>> exponents_;  // of each channel's threshold, by layer; 0: nothing is pruned
  std::map<int, GradientCounts> counts_;
};

}  // namespace trainer
