#pragma once

#include <array>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cost/prices.h"
#include "processor/contraction_model.h"
#include "processor/explanation.h"
#include "processor/parameters.h"
#include "processor/phase_counts.h"
#include "processor/simulation.h"

namespace trainer {

/// One processor: its parameters, its cost table, and the counts of every layer and phase that it has seen.
class ProcessorModel {
 public:
  /// Throws UsageError for a processor or cost table that cannot be loaded, or a table without a row that this
  /// processor needs.
  /// `pool` outlives the model; processors that share it share what they count of bitmaps.
  /// With `explain`, every dataflow is timed.
  ProcessorModel(const ProcessorRequest& request, LayerCountsPool& pool, bool explain);

  /// As Simulation's.
  void restrict_masks(bool backpropagation, bool weight_gradient);

  /// `wanted` and `pruned` as ContractionModel takes them.
  void feedforward(const ContractionLayer& layer, const WeightView& W, const BitmapView& X,
                   const WantedOutputs* wanted);
  void backpropagation(const ContractionLayer& layer, const WeightView& W, const BitmapView& X, const BitmapView& dZ);
  void weight_gradient(const ContractionLayer& layer, const WeightView& W, const BitmapView& X, const BitmapView& dZ,
                       bool pruned);
  void batchnorm_feedforward(const BatchNormLayer& layer);
  void batchnorm_backpropagation(const BatchNormLayer& layer);
  void update(const Parameter& parameter);

  /// As though the layer's last FF had left so many wanted outputs; for layers not seen yet.
  void expect_wanted_outputs(int layer_index, int64_t outputs) { expected_wanted_[layer_index] = outputs; }

  const ProcessorParameters& parameters() const { return *parameters_; }
  ProcessorResult result(int64_t observed_steps) const;
  nlohmann::json resolved() const;
  nlohmann::json save() const;
  /// Throws UsageError when `saved` is of another processor.
  void restore(const nlohmann::json& saved);

 private:
  struct LayerCounts {
    std::string name;
    std::array<std::optional<PhaseCounts>, kPhases> phases;  // empty where a phase never ran
    std::array<Explanation, kPhases> explanations;           // of no steps where not asked for
  };

  void add(const ContractionLayer& layer, Phase phase, const PhaseOutcome& outcome);
  void add(int index, const std::string& name, Phase phase, const PhaseCounts& counts);
  ContractionModel& model_of(const ContractionLayer& layer);
  /// The layer that a parameter such as "conv1.weight" belongs to; a number of its own after all layers otherwise.
  int layer_of_parameter(const std::string& layer_name) const;

  std::unique_ptr<ProcessorParameters> parameters_;
  std::unique_ptr<ProcessorParameters> used_;  // those less restricted masks; the models of the layers keep its address
  Prices prices_;
  LayerCountsPool* pool_;
  bool explain_;
  std::vector<Dataflow> all_dataflows_;
  std::map<int, std::unique_ptr<ContractionModel>> models_;
  std::map<int, LayerCounts> layers_;       // by order of execution
  std::map<int, int64_t> expected_wanted_;  // of layers without a model yet: what set_last_wanted() will be told
};

}  // namespace trainer
