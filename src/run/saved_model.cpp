#include "run/saved_model.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "run/folder.h"
#include "training/checkpoint.h"

namespace trainer {
namespace fs = std::filesystem;
namespace {

FoundCheckpoint read(const fs::path& file) {
  nlohmann::json document = read_checkpoint_document(file);
  try {
    SavedModel model = saved_model_from_json(document.at("model"));
    return {file, std::move(document), std::move(model), {}};
  } catch (const nlohmann::json::exception&) {
    throw UsageError(fmt::format(
        "{}: does not say which network it holds; give a checkpoint that `trainer train` wrote", file.string()));
  }
}

/// Parameters of the layer that makes the logits: the last weight and what follows it.
size_t head_begin(const std::vector<Parameter*>& parameters) {
  size_t begin = parameters.size();
  while (begin > 0) {
    --begin;
    if (parameters[begin]->is_weight) {
      break;
    }
  }
  return begin;
}

[[noreturn]] void reject(const FoundCheckpoint& source, const SavedModel& target, const std::string& what) {
  throw UsageError(
      fmt::format("--init: {} holds {} (width {}), which does not fit {} (width {}): {}; give the same "
                  "--model and --width",
                  source.file.string(), source.model.name, source.model.width, target.name, target.width, what));
}

}  // namespace

ModelRequest SavedModel::request(int64_t batch, uint64_t seed) const {
  return {name, width, {batch, channels, height, image_width}, static_cast<int64_t>(classes.size()), seed};
}

nlohmann::json to_json(const SavedModel& model) {
  return {{"name", model.name},
          {"width", model.width},
          {"channels", model.channels},
          {"height", model.height},
          {"image_width", model.image_width},
          {"classes", model.classes},
          {"mean", model.mean},
          {"deviation", model.deviation}};
}

SavedModel saved_model_from_json(const nlohmann::json& document) {
  SavedModel model;
  document.at("name").get_to(model.name);
  document.at("width").get_to(model.width);
  document.at("channels").get_to(model.channels);
  document.at("height").get_to(model.height);
  document.at("image_width").get_to(model.image_width);
  document.at("classes").get_to(model.classes);
  document.at("mean").get_to(model.mean);
  document.at("deviation").get_to(model.deviation);
  return model;
}

FoundCheckpoint find_checkpoint(const fs::path& path, const std::string& option) {
  if (!fs::is_directory(path)) {
    if (!fs::exists(path)) {
      throw UsageError(
          fmt::format("{}: {} does not exist; give a checkpoint file or a run folder", option, path.string()));
    }
    return read(path);
  }
  const std::vector<CheckpointFile> files = list_checkpoints(path);
  std::vector<std::string> warnings;
  for (const CheckpointFile& candidate : files) {
    try {
      FoundCheckpoint found = read(candidate.file);
      found.warnings = std::move(warnings);
      return found;
    } catch (const UsageError& error) {
      warnings.push_back(fmt::format("warning: {}; the one before it is used", error.what()));
    }
  }
  throw UsageError(fmt::format("{}: {} has no {}checkpoint in {}/checkpoints", option, path.string(),
                               files.empty() ? "" : "readable ", path.string()));
}

std::string initialise_from(const FoundCheckpoint& source, const SavedModel& target, Network& network) {
  if (source.model.channels != target.channels) {
    reject(source, target, fmt::format("{} colour channels against {}", source.model.channels, target.channels));
  }
  Network trained = make_model(source.model.request(1, 1));
  load_weights(source.file, trained);

  const std::vector<Parameter*> from = trained.parameters();
  const std::vector<Parameter*> to = network.parameters();
  const std::vector<Buffer*> from_buffers = trained.buffers();
  const std::vector<Buffer*> to_buffers = network.buffers();
  if (from.size() != to.size() || from_buffers.size() != to_buffers.size()) {
    reject(source, target, "the numbers of layers differ");
  }
  const bool same_classes = source.model.classes.size() == target.classes.size();
  const size_t head = same_classes ? to.size() : head_begin(to);
  for (size_t i = 0; i < head; ++i) {
    if (from[i]->name != to[i]->name || from[i]->extents != to[i]->extents) {
      reject(source, target, fmt::format("{} differs", to[i]->name));
    }
  }
  for (size_t i = 0; i < to_buffers.size(); ++i) {
    if (from_buffers[i]->name != to_buffers[i]->name || from_buffers[i]->value.size() != to_buffers[i]->value.size()) {
      reject(source, target, fmt::format("{} differs", to_buffers[i]->name));
    }
  }
  for (size_t i = 0; i < head; ++i) {
    to[i]->pattern = from[i]->pattern;
    to[i]->value = from[i]->value;
    to[i]->gradient = from[i]->gradient;  // of the size of value
  }
  for (size_t i = 0; i < to_buffers.size(); ++i) {
    to_buffers[i]->value = from_buffers[i]->value;
  }
  return same_classes ? fmt::format("weights from {}", source.file.string())
                      : fmt::format("weights from {}; the head starts anew: it had {} classes, the data has {}",
                                    source.file.string(), source.model.classes.size(), target.classes.size());
}

}  // namespace trainer
