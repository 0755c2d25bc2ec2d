#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "run/config.h"

namespace trainer {

/// Sets the options that a YAML file gives (a mapping of run_options() keys to values), except those already given:
/// the command line wins. The key `resolved`, which run.yaml has for readers, is skipped.
/// Throws UsageError with file:line for anything wrong; an unknown key is answered with the nearest known one.
void read_config_file(const std::filesystem::path& file, RunConfig& config);

/// run.yaml: all options, readable by read_config_file, then `resolved` (facts that follow from them, for people and
/// scripts).
std::string config_yaml(const RunConfig& config, const nlohmann::json& resolved);

}  // namespace trainer
