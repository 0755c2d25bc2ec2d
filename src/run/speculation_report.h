#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "speculation/hook.h"

namespace trainer {

/// `speculation` of summary.json: sums over the run, and the same for each layer under `layers`. The keys are a stable
/// interface (docs/run-folder.md).
nlohmann::json speculation_json(const std::vector<LayerSpeculation>& totals);

/// One line: "speculation: gradients 61.2 % dropped".
std::string speculation_line(const std::vector<LayerSpeculation>& totals);

/// A row for each layer and one for all.
std::string speculation_table(const std::vector<LayerSpeculation>& totals);

}  // namespace trainer
