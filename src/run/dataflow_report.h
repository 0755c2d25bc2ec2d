#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "processor/simulation.h"

namespace trainer {

/// Sums over the rows of DataflowChoice: how well the controller chose, and what pinned dataflows would have made.
/// Utilisations are effectual MACs / (cycles of FF, BP and WG * MACs per cycle of the array).
struct DataflowSummary {
  double utilisation = 0;            ///< of the choices
  double hindsight_utilisation = 0;  ///< of the best dataflow for each layer, phase and step
  size_t best_pinned = 0;            ///< index into ProcessorResult::dataflows: least cycles of all
  double best_pinned_utilisation = 0;
  double gain = 0;    ///< utilisation / best_pinned_utilisation
  double regret = 0;  ///< cycles of the choices / those of the best in hindsight - 1
};
/// Of a result that has choices.
DataflowSummary summarise_dataflows(const ProcessorResult& result);

/// For people: per layer and phase the choice, predicted and real cycles, the best choice in hindsight and the regret;
/// then the utilisation of every pinned dataflow, and the gain. Empty where the result has no choices.
std::string dataflow_report(const ProcessorResult& result);
/// The same as a document (keys: docs/command-line.md).
nlohmann::json dataflow_json(const ProcessorResult& result);

}  // namespace trainer
