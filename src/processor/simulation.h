#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "network/network.h"
#include "network/step_hook.h"

namespace trainer {

/// Phases of a report, in this order.
enum class Phase { FF, BP, WG, BN, UP };
inline constexpr int kPhases = 5;
std::string_view to_string(Phase phase);

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
  int64_t cycles = 0;
  double utilisation = 0;  ///< effectual MACs / (cycles * PEs * lanes); 0 where a phase has no MACs
  double core_energy_J = 0;
  double system_energy_J = 0;       ///< core plus DRAM
  std::vector<EventResult> events;  ///< those that happened; their energies sum to system_energy_J
};

/// A processor's results over the observed steps. Totals are the sums of the rows.
struct ProcessorResult {
  std::string name;
  int64_t observed_steps = 0;
  double clock_MHz = 0;
  std::vector<LayerPhaseResult> rows;  ///< in order of execution, then of phase
  double time_s() const;               ///< total cycles / clock
};

/// Several processors watching one run. Bitmaps of the tensors are made once and shared by all of them.
class Simulation {
 public:
  /// Throws UsageError (file, line, key, hint) for a processor that does not exist or does not satisfy the schema.
  /// Steps are observed when step % observe_every == 0.
  Simulation(const std::vector<ProcessorRequest>& processors, int64_t observe_every);
  ~Simulation();

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
