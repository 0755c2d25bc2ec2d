#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "processor/contraction_model.h"

namespace trainer {

/// What the controller chose for one layer and phase, and what it could have chosen, summed over the observed steps.
struct Explanation {
  std::string chosen;   ///< dataflow of the last step
  int64_t changes = 0;  ///< steps whose choice was not that of the step before
  int64_t steps = 0;
  int64_t effectual_macs = 0;
  int64_t predicted_cycles = 0;
  int64_t cycles = 0;       ///< real ones, of the choices
  int64_t best_cycles = 0;  ///< of the dataflow that was best in each step
  std::string best;         ///< that of the last step
  std::vector<int64_t>
      of_all;  ///< cycles of every dataflow of all_dataflows(), pinned; 0 for what some step cannot take

  void add(const PhaseOutcome& outcome, const std::vector<Dataflow>& all);
  bool operator==(const Explanation&) const = default;
};

nlohmann::json to_json(const Explanation& explanation);
Explanation explanation_from_json(const nlohmann::json& saved);

}  // namespace trainer
