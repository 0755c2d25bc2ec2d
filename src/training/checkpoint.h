#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "training/session.h"

namespace trainer {

/// A checkpoint file (docs/file-formats.md): masks, values, BN's running statistics, optimiser state, step count, and a
/// JSON document of the caller's (configuration, accumulated results). Complete and checksummed.
///
/// Written aside, fsynced, renamed: whenever the process or the machine dies, either the old or the new file is whole.
/// Throws SystemFailure (disk full, no permission) and leaves the file that was there before.
void save_checkpoint(const std::filesystem::path& file, TrainingSession& session, const nlohmann::json& extra);

/// Restores `session` (same model, same optimiser) and returns the extra document. Throws UsageError when the file is
/// missing, damaged (checksum) or of another model: then the session is unchanged.
nlohmann::json load_checkpoint(const std::filesystem::path& file, TrainingSession& session);

/// The extra document alone, to learn how to build the model before loading.
nlohmann::json read_checkpoint_document(const std::filesystem::path& file);

/// Masks, values and running statistics alone into a network that no session trains yet, for evaluation or --init.
/// Throws as load_checkpoint does.
void load_weights(const std::filesystem::path& file, Network& network);

}  // namespace trainer
