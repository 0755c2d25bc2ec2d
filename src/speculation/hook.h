#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "network/forwarding_hook.h"
#include "speculation/classes.h"
#include "speculation/feedforward.h"
#include "speculation/gradients.h"

namespace trainer {

struct SpeculationOptions {
  SpeculationClasses classes{};
  GradientOptions gradients{};
  FeedforwardOptions feedforward{};
};

/// What speculation did with one layer, in one step or in many.
struct LayerSpeculation {
  int index = 0;  ///< ContractionLayer::index
  std::string layer;
  GradientCounts gradients{};
  FeedforwardCounts feedforward{};
};

/// Makes training compute what a speculating processor computes, in every step, then shows another hook (a processor
/// that observes, or none) the outcome.
class SpeculatingHook final : public ForwardingHook {
 public:
  /// Throws UsageError for options out of range.
  explicit SpeculatingHook(const SpeculationOptions& options);

  void begin_step(int64_t step) override;
  bool changes_outputs() const override { return feedforward_.has_value(); }
  void rectification(const ContractionLayer& layer, const Rectification& after) override;
  Tensor* estimate(const ContractionLayer& layer) override;
  void rectified(const ContractionLayer& layer, Tensor& A) override;
  void feedforward(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& Z) override;
  void gradient(const ContractionLayer& layer, const Tensor& X, const WeightView& W, Tensor& dZ) override;
  void end_step() override;

  /// Of the last step that ended, in order of execution: layers in which speculation took part.
  const std::vector<LayerSpeculation>& last_step() const { return last_step_; }
  /// Summed over all steps so far.
  std::vector<LayerSpeculation> totals() const;

  /// Totals and everything that later steps depend on, for checkpoints.
  nlohmann::json save() const;
  /// Throws UsageError for a document that save() did not make.
  void restore(const nlohmann::json& saved);

 private:
  std::optional<FeedforwardSpeculation> feedforward_;
  std::optional<GradientPruning> gradients_;
  std::optional<Rectification> after_;  // of the layer whose feedforward() comes next
  std::map<int, std::string> names_;    // of layers seen, by index
  std::vector<LayerSpeculation> last_step_;
  std::map<int, LayerSpeculation> totals_;
};

}  // namespace trainer
