#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "processor/simulation.h"

namespace trainer {

/// `processors` of summary.json: for each the figures over its observed steps, in total and under `phases`, and the
/// same for one step on average under `per_step`. The keys are a stable interface (docs/run-folder.md).
nlohmann::json processors_json(const std::vector<ProcessorResult>& results);

/// Every layer and phase of every processor, for --json: { name: [ {layer, phase, dense_macs, ...} ] }.
nlohmann::json layers_json(const std::vector<ProcessorResult>& results);

}  // namespace trainer
