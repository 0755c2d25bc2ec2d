#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "network/network.h"
#include "network/step_hook.h"
#include "processor/memory/operand_bits.h"
#include "processor/phase.h"

namespace trainer {

/// One processor attached to a run: a YAML file (built in or the user's), with parameters overridden by --set.
struct ProcessorRequest {
  std::string name_or_file;
  std::vector<std::string> overrides;  ///< "key=value", dotted keys
};

struct ProcessorEntry {
  std::string name;
  std::string summary;
};
/// The built-in processors.
const std::vector<ProcessorEntry>& processor_list();

/// One event of a row: how often it happened and the energy that makes.
struct EventResult {
  std::string_view event;  ///< name in event_table() (processor/event.h) and in cost tables
  int64_t count = 0;
  double energy_J = 0;
};

/// One row of a processor's report: a layer and a phase, summed over the observed steps.
struct LayerPhaseResult {
  std::string layer;
  Phase phase = Phase::FF;
  int64_t dense_macs = 0;
  int64_t effectual_macs = 0;
  int64_t skipped_by_input = 0;  ///< dense = effectual + skipped by input + by weight + by output
  int64_t skipped_by_weight = 0;
  int64_t skipped_by_output = 0;
  int64_t cycles = 0;          ///< end to end
  int64_t compute_cycles = 0;  ///< with a memory that takes no time
  int64_t memory_cycles = 0;   ///< of DRAM transfers
  int64_t dram_bytes = 0;      ///< loaded and stored
  OperandBits loaded;          ///< FF, BP and WG: by operand
  int64_t stored_bytes = 0;    ///< of dram_bytes
  double utilisation = 0;      ///< effectual MACs / (cycles * PEs * lanes); 0 where a phase has no MACs
  double core_energy_J = 0;
  double system_energy_J = 0;       ///< core plus DRAM
  std::vector<EventResult> events;  ///< those that happened; their energies sum to system_energy_J
};

/// What the controller chose for one layer and phase, summed over the observed steps (docs/processor-contract.md,
/// section 9).
struct DataflowChoice {
  std::string layer;
  Phase phase = Phase::FF;
  std::string chosen;   ///< of the last step, such as "weight-compressed 4x2x1 in-order"
  int64_t changes = 0;  ///< steps whose choice was not that of the step before
  int64_t effectual_macs = 0;
  int64_t predicted_cycles = 0;
  int64_t cycles = 0;
  std::string best;         ///< in hindsight, in the last step
  int64_t best_cycles = 0;  ///< of the best in each step
  std::vector<int64_t>
      pinned_cycles;  ///< of every dataflow of ProcessorResult::dataflows; 0 for what some step cannot take
};

/// A processor's results over the observed steps. Totals are the sums of the rows.
struct ProcessorResult {
  std::string name;
  int64_t observed_steps = 0;
  double clock_MHz = 0;
  double peak_macs_per_cycle = 0;
  double dram_bytes_per_cycle = 0;
  std::vector<LayerPhaseResult> rows;   ///< in order of execution, then of phase
  std::vector<std::string> dataflows;   ///< every dataflow of the array, where they were asked for
  std::vector<DataflowChoice> choices;  ///< as rows; FF, BP and WG, where they were asked for
  double time_s() const;                ///< total cycles / clock
};

/// Several processors watching one run. Bitmaps of the tensors are made once and shared by all of them.
class Simulation {
 public:
  /// Throws UsageError (file, line, key, hint) for a processor that does not exist or does not satisfy the schema.
  /// Steps are observed when step % observe_every == 0. With `explain`, every dataflow is timed in every observed
  /// phase, not the chosen one alone: some tens of times the work.
  Simulation(const std::vector<ProcessorRequest>& processors, int64_t observe_every, bool explain = false);
  ~Simulation();

  /// What training does not count as left out, no processor leaves out either: without `backpropagation` dX where the
  /// ReLU below was off, without `weight_gradient` dW and UP of pruned weights. Before the first step.
  void restrict_masks(bool backpropagation, bool weight_gradient);

  /// For the controllers: as though the last step observed had left so many wanted outputs of this layer's FF
  /// (contract, section 9). Before the first step.
  void expect_wanted_outputs(const ContractionLayer& layer, int64_t outputs);

  /// The hook for this step, null where it is not observed.
  StepHook* hook(int64_t step);
  std::vector<ProcessorResult> results() const;
  /// The resolved parameters of every processor, for run.yaml.
  nlohmann::json resolved() const;

  /// Accumulated counts, for checkpoints. restore() throws UsageError when the document is of other processors.
  nlohmann::json save() const;
  void restore(const nlohmann::json& saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trainer
