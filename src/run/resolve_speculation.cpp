#include "run/resolve_speculation.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace trainer {
namespace {

SpeculationClasses of_processors(const nlohmann::json& processors) {
  SpeculationClasses classes;
  for (const nlohmann::json& processor : processors) {
    const auto can = [&](const char* key) {
      const nlohmann::json::json_pointer pointer(key);
      return processor.contains(pointer) && processor.at(pointer).get<bool>();
    };
    classes.feedforward = classes.feedforward || can("/speculation/feedforward");
    classes.backpropagation = classes.backpropagation || can("/speculation/backpropagation");
    classes.gradients = classes.gradients || can("/speculation/gradients");
    classes.weight_gradient = classes.weight_gradient || can("/skip/pruned_gradients");
  }
  return classes;
}

}  // namespace

SpeculationClasses resolve_speculation(RunConfig& config, const nlohmann::json& processors) {
  const bool automatic = config.speculation.empty() || config.speculation == "auto";
  const SpeculationClasses classes =
      automatic ? of_processors(processors) : parse_speculation(config.speculation, "--speculation");
  config.speculation = to_text(classes);
  return classes;
}

std::string unused_masks_note(const SpeculationClasses& classes, const nlohmann::json& processors) {
  const SpeculationClasses usable = of_processors(processors);
  SpeculationClasses unused;
  unused.backpropagation = usable.backpropagation && !classes.backpropagation;
  unused.weight_gradient = usable.weight_gradient && !classes.weight_gradient;
  return unused == SpeculationClasses() ? ""
                                        : fmt::format("--speculation {}: processors do without their exact masks ({})",
                                                      to_text(classes), to_text(unused));
}

}  // namespace trainer
