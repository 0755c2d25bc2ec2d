#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "processor/simulation.h"

namespace trainer {

/// What a processor costs before it does anything: its operating point and peak throughput, the energy of each event,
/// and its area by component, where its cost table has areas. Throws UsageError for a processor or cost table that
/// cannot be loaded.
std::string cost_report(const ProcessorRequest& request);
/// The same as a document (keys: docs/command-line.md).
nlohmann::json cost_json(const ProcessorRequest& request);

}  // namespace trainer
