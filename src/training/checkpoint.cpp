#include "training/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "network/quantiser.h"
#include "training/checkpoint/container.h"
#include "training/pruning/apply.h"

namespace trainer {
namespace {

/// What a checkpoint holds of a network, compared with it and complete, before anything of the network changes. Spans
/// point into the container.
struct StoredWeights {
  std::vector<std::shared_ptr<const Pattern>> patterns;
  std::vector<std::span<const float>> values;
  std::vector<std::span<const float>> buffers;
  size_t arrays = 0;  // of the container, used up by these
};

std::string describe(const std::string& name, const std::vector<int64_t>& extents) {
  return fmt::format("'{}' of {}", name, fmt::join(extents, "x"));
}

/// Refuses with the first of the model's parts that the file has otherwise.
void compare_parts(const Container& container, std::string_view what, const nlohmann::json& stored_parts,
                   const std::vector<std::pair<std::string, std::vector<int64_t>>>& parts) {
  for (size_t i = 0; i < std::min(stored_parts.size(), parts.size()); ++i) {
    const auto name = stored_parts.at(i).at("name").get<std::string>();
    const auto extents = stored_parts.at(i).at("extents").get<std::vector<int64_t>>();
    if (name != parts[i].first || extents != parts[i].second) {
      container.refuse(fmt::format("it is of another model: {} {} is {} in the file, {} in the model", what, i,
                                   describe(name, extents), describe(parts[i].first, parts[i].second)));
    }
  }
  if (stored_parts.size() > parts.size()) {
    container.refuse(fmt::format("it is of another model: it has {} '{}', the model ends before that", what,
                                 stored_parts.at(parts.size()).at("name").get<std::string>()));
  }
  if (stored_parts.size() < parts.size()) {
    container.refuse(fmt::format("it is of another model: it lacks {} '{}'", what, parts[stored_parts.size()].first));
  }
}

std::shared_ptr<const Pattern> read_pattern(const Container& container, size_t first, const Parameter& parameter) {
  const auto row_begin = container.integers(first, "row_begin/" + parameter.name);
  const auto column = container.integers(first + 1, "column/" + parameter.name);
  return Pattern::from_rows(parameter.pattern->rows(), parameter.pattern->columns(),
                            {row_begin.begin(), row_begin.end()}, {column.begin(), column.end()});
}

StoredWeights read_weights(const Container& container, Network& network) {
  std::vector<std::pair<std::string, std::vector<int64_t>>> parts;
  for (const Parameter* parameter : network.parameters()) {
    parts.emplace_back(parameter->name, parameter->extents);
  }
  const nlohmann::json& stored_parameters = container.document().at("parameters");
  compare_parts(container, "parameter", stored_parameters, parts);
  parts.clear();
  for (const Buffer* buffer : network.buffers()) {
    parts.emplace_back(buffer->name, std::vector<int64_t>{static_cast<int64_t>(buffer->value.size())});
  }
  compare_parts(container, "running statistic", container.document().at("buffers"), parts);

  StoredWeights weights;
  size_t index = 0;
  for (const Parameter* parameter : network.parameters()) {
    const bool pruned = stored_parameters.at(weights.values.size()).at("pruned").get<bool>();
    weights.patterns.push_back(pruned ? read_pattern(container, index, *parameter)
                                      : Pattern::full(parameter->pattern->rows(), parameter->pattern->columns()));
    index += pruned ? 2 : 0;
    weights.values.push_back(container.floats(index++, "value/" + parameter->name));
    if (static_cast<int64_t>(weights.values.back().size()) != weights.patterns.back()->nonzeros()) {
      container.refuse(fmt::format("'{}' has another number of values than of unpruned weights", parameter->name));
    }
  }
  for (const Buffer* buffer : network.buffers()) {
    weights.buffers.push_back(container.floats(index++, "buffer/" + buffer->name));
    if (weights.buffers.back().size() != buffer->value.size()) {
      container.refuse(fmt::format("'{}' has another length than in the model", buffer->name));
    }
  }
  weights.arrays = index;
  return weights;
}

/// Values and running statistics; the masks are in place already.
void copy_values(const StoredWeights& weights, Network& network) {
  const std::vector<Parameter*> parameters = network.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    std::ranges::copy(weights.values[i], parameters[i]->value.begin());
  }
  const std::vector<Buffer*> buffers = network.buffers();
  for (size_t i = 0; i < buffers.size(); ++i) {
    std::ranges::copy(weights.buffers[i], buffers[i]->value.begin());
  }
}

/// Runs `read`; a header that lacks something it must have is the file's fault, not this program's.
template <typename Read>
auto reading(const Container& container, const Read& read) {
  try {
    return read();
  } catch (const nlohmann::json::exception& failure) {
    container.refuse(fmt::format("its header lacks what a checkpoint has ({})", failure.what()));
  }
}

constexpr const char* kMagnitudes = "magnitudes";

/// `arrays` of the container are used up afterwards.
std::vector<std::span<const float>> read_optimizer(const Container& container, const StoredWeights& weights,
                                                   TrainingSession& session, size_t& arrays) {
  const auto name = container.document().at("optimizer").at("name").get<std::string>();
  if (name != session.options().optimizer.name) {
    container.refuse(fmt::format("it was made with optimiser {}, this session has {}; choose {}", name,
                                 session.options().optimizer.name, name));
  }
  std::vector<std::span<const float>> state;
  size_t index = weights.arrays;
  for (const Optimizer::StateArray& array : session.optimizer().state()) {
    state.push_back(container.floats(index++, "optimizer/" + array.name));
    if (static_cast<int64_t>(state.back().size()) != weights.patterns[array.parameter]->nonzeros()) {
      container.refuse(fmt::format("'{}' has another length than its weight", array.name));
    }
  }
  arrays = index;
  return state;
}

/// What FP8 scales follow from; empty in other precisions, where a file may have it all the same.
std::span<const float> read_magnitudes(const Container& container, TrainingSession& session, size_t& arrays) {
  if (arrays == container.size() || container.name(arrays) != kMagnitudes) {
    return {};
  }
  const std::span<const float> magnitudes = container.floats(arrays++, kMagnitudes);
  const Quantiser* quantiser = session.network().quantiser();
  if (quantiser == nullptr) {
    return {};
  }
  if (magnitudes.size() != quantiser->history().size()) {
    container.refuse(fmt::format("'{}' has another length than this network needs", kMagnitudes));
  }
  return magnitudes;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, TrainingSession& session, const nlohmann::json& extra) {
  nlohmann::json parameters = nlohmann::json::array();
  nlohmann::json buffers = nlohmann::json::array();
  std::vector<StoredArray> arrays;
  for (const Parameter* parameter : session.network().parameters()) {
    const bool pruned = !parameter->pattern->is_full();
    parameters.push_back({{"name", parameter->name}, {"extents", parameter->extents}, {"pruned", pruned}});
    if (pruned) {
      arrays.push_back(stored("row_begin/" + parameter->name, parameter->pattern->row_begin()));
      arrays.push_back(stored("column/" + parameter->name, parameter->pattern->column()));
    }
    arrays.push_back(stored("value/" + parameter->name, std::span<const float>(parameter->value)));
  }
  for (const Buffer* buffer : session.network().buffers()) {
    buffers.push_back({{"name", buffer->name}, {"extents", {buffer->value.size()}}});
    arrays.push_back(stored("buffer/" + buffer->name, std::span<const float>(buffer->value)));
  }
  for (const Optimizer::StateArray& array : session.optimizer().state()) {
    arrays.push_back(stored("optimizer/" + array.name, std::span<const float>(array.values)));
  }
  if (const Quantiser* quantiser = session.network().quantiser(); quantiser != nullptr) {
    arrays.push_back(stored(kMagnitudes, quantiser->history()));
  }
  const nlohmann::json document = {
      {"steps", session.steps_done()},
      {"optimizer", {{"name", session.options().optimizer.name}, {"steps", session.optimizer().steps()}}},
      {"parameters", std::move(parameters)},
      {"buffers", std::move(buffers)},
      {"loss_scale",
       {{"value", session.loss_scale().value()}, {"steps_since_change", session.loss_scale().steps_since_change()}}},
      {"extra", extra}};
  write_container(file, document, arrays);
}

nlohmann::json load_checkpoint(const std::filesystem::path& file, TrainingSession& session) {
  const Container container(file);
  const nlohmann::json& document = container.document();
  struct Restored {
    StoredWeights weights;
    std::vector<std::span<const float>> optimizer;
    std::span<const float> magnitudes;
    int64_t steps = 0;
    int64_t optimizer_steps = 0;
    float loss_scale = 1;
    int64_t loss_scale_steps = 0;
  };
  const Restored restored = reading(container, [&] {
    Restored read;
    read.weights = read_weights(container, session.network());
    size_t arrays = 0;
    read.optimizer = read_optimizer(container, read.weights, session, arrays);
    read.magnitudes = read_magnitudes(container, session, arrays);
    if (arrays != container.size()) {
      container.refuse(
          fmt::format("it has '{}', which this session's optimiser does not keep", container.name(arrays)));
    }
    read.steps = document.at("steps").get<int64_t>();
    read.optimizer_steps = document.at("optimizer").at("steps").get<int64_t>();
    if (document.contains("loss_scale")) {  // version 0.1.0 had FP32 alone, and no scale
      read.loss_scale = document.at("loss_scale").at("value").get<float>();
      read.loss_scale_steps = document.at("loss_scale").at("steps_since_change").get<int64_t>();
    }
    return read;
  });
  nlohmann::json extra = reading(container, [&] { return document.at("extra"); });

  for (size_t i = 0; i < restored.weights.patterns.size(); ++i) {
    session.set_pattern(i, restored.weights.patterns[i]);
  }
  copy_values(restored.weights, session.network());
  const std::vector<Optimizer::StateArray> state = session.optimizer().state();
  for (size_t i = 0; i < state.size(); ++i) {
    std::ranges::copy(restored.optimizer[i], state[i].values.begin());
  }
  session.optimizer().set_steps(restored.optimizer_steps);
  session.set_steps_done(restored.steps);
  session.loss_scale().restore(restored.loss_scale, restored.loss_scale_steps);
  if (Quantiser* quantiser = session.network().quantiser(); quantiser != nullptr) {
    const std::vector<float> none(quantiser->history().size(), 0.0F);  // of a run in another precision
    quantiser->restore(restored.magnitudes.empty() ? none : restored.magnitudes);
  }
  return extra;
}

nlohmann::json read_checkpoint_document(const std::filesystem::path& file) {
  const Container container(file);
  return reading(container, [&] { return container.document().at("extra"); });
}

void load_weights(const std::filesystem::path& file, Network& network) {
  const Container container(file);
  const StoredWeights weights = reading(container, [&] { return read_weights(container, network); });
  const std::vector<Parameter*> parameters = network.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    apply_pattern(*parameters[i], weights.patterns[i]);
  }
  copy_values(weights, network);
}

}  // namespace trainer
