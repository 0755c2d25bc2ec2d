#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "network/step_hook.h"
#include "speculation/counts.h"
#include "tensor/aligned.h"

namespace trainer {

struct FeedforwardOptions {
  double false_skip_target = 0.01;  ///< see FeedforwardCounts::false_skip_rate(), above 0 and below 1
  double audit_rate = 1.0 / 64;     ///< part of the predicted outputs that is computed all the same, above 0, up to 1
  double margin = 0.25;             ///< at first, in standard deviations of BN's output
  double decay = 0;                 ///< what earlier steps keep in the moments of the estimate: 0 is the last alone
  uint64_t seed = 1;                ///< of the choice of audited outputs
};

/// Implicit redundancy speculation of FF: outputs Z that BN, the sum with a shortcut and ReLU are predicted to turn
/// into zeros are not computed exactly.
///
/// Zhat is the same sum as Z with the mantissa of X and W taken as the constant 1.5 (and 0 where they are subnormal).
/// With the moments of Zhat over the last steps, an output is predicted to be dead where
///     gamma * (Zhat - mean) / sqrt(variance + epsilon) + beta + shortcut < -margin * |gamma|.
/// A sample of those is computed all the same (audited); the layer's margin moves so that the part of them that is live
/// stays at the target. The others are skipped: Z becomes Zhat times the channel's gain (least squares of Z on Zhat
/// over the last step's computed outputs), so BN's moments remain those of the whole batch, and A is 0. In the first
/// step of a layer nothing is predicted.
///
/// Deterministic: the same values for any number of threads, and after restore() those of a run never interrupted.
class FeedforwardSpeculation {
 public:
  /// Throws UsageError for options out of range.
  explicit FeedforwardSpeculation(const FeedforwardOptions& options);
  ~FeedforwardSpeculation();

  /// 0-based. Before the first layer of each step.
  void begin_step(int64_t step);
  /// From StepHook::estimate() of a layer for which StepHook::rectification() was called before: memory for Zhat, valid
  /// until another layer's call.
  Tensor& estimate(const ContractionLayer& layer);
  /// From StepHook::feedforward() of the same layer, when Zhat is there: replaces the skipped values of Z (FP32). The
  /// result is valid until the same layer's next call; no bit is set in a first step.
  SkippedOutputs feedforward(const ContractionLayer& layer, const Rectification& rectification, Tensor& Z);
  /// From StepHook::rectified(): sets A to 0 where the output was skipped.
  void rectified(const ContractionLayer& layer, Tensor& A) const;

  /// Of the present step, by ContractionLayer::index: layers that feedforward() has seen.
  const std::map<int, FeedforwardCounts>& counts() const;
  /// The layer's margin now, in standard deviations. Throws std::logic_error for a layer never seen.
  double margin(int layer) const;

  /// Everything that later steps depend on.
  nlohmann::json state() const;
  /// Throws UsageError for a state that is not one.
  void restore(const nlohmann::json& state);

 private:
  struct Layer;
  Layer& layer_for(const ContractionLayer& layer);

  FeedforwardOptions options_;
  int64_t step_ = 0;
  std::map<int, std::unique_ptr<Layer>> layers_;
  std::map<int, FeedforwardCounts> counts_;
  AlignedVector<float> Zhat_memory_;  // layers take turns in it
  Tensor Zhat_;
};

}  // namespace trainer
