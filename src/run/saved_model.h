#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "network/named/models.h"

namespace trainer {

/// What must be known beside the weights to use a trained network: every checkpoint carries it.
struct SavedModel {
  std::string name;
  double width = 1;
  int64_t channels = 0;
  int64_t height = 0;
  int64_t image_width = 0;
  std::vector<std::string> classes;
  std::vector<float> mean;  ///< per channel, of pixel/255
  std::vector<float> deviation;

  /// For make_model.
  ModelRequest request(int64_t batch, uint64_t seed) const;
};

nlohmann::json to_json(const SavedModel& model);
/// Throws nlohmann::json::exception where the document has another form.
SavedModel saved_model_from_json(const nlohmann::json& document);

/// A checkpoint found for a user's path.
struct FoundCheckpoint {
  std::filesystem::path file;
  nlohmann::json document;
  SavedModel model;
  std::vector<std::string> warnings;  ///< one line for each newer checkpoint that is damaged
};

/// `path` is a checkpoint file, or a run folder: then its newest readable checkpoint. `option` opens the message of the
/// UsageError for a path that is neither.
FoundCheckpoint find_checkpoint(const std::filesystem::path& path, const std::string& option);

/// --init: masks, values and running statistics from a checkpoint into `network`, which `target` describes and which is
/// not yet planned. The last linear layer stays as it is where the number of classes differs. Throws UsageError where
/// the networks are of different make. Returns one line that says what was done.
std::string initialise_from(const FoundCheckpoint& source, const SavedModel& target, Network& network);

}  // namespace trainer
