#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "run/config.h"
#include "speculation/classes.h"

namespace trainer {

/// What training leaves out, and `config.speculation` as the list that says so. Where it is not given or `auto`, that
/// is all that any of the processors can make use of (`speculation.feedforward`, `.backpropagation`, `.gradients` and
/// `skip.pruned_gradients` of Simulation::resolved(), null without processors), and nothing without processors. Throws
/// UsageError for an unknown class.
SpeculationClasses resolve_speculation(RunConfig& config, const nlohmann::json& processors);

/// What to tell the user where processors have masks that `classes` keeps them from using; empty where there are none.
std::string unused_masks_note(const SpeculationClasses& classes, const nlohmann::json& processors);

}  // namespace trainer
