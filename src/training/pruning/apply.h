#pragma once

#include <memory>

#include "network/parameter.h"

namespace trainer {

/// Gives `weight` another mask of the same size: kept values stay, grown ones are 0, gradients are 0.
void apply_pattern(Parameter& weight, std::shared_ptr<const Pattern> pattern);

}  // namespace trainer
