#pragma once

#include <memory>
#include <vector>

#include "training/optimizer.h"

namespace trainer {

/// The optimisers of the table in optimizer.cpp, one file each. Options are valid.
std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, std::vector<Parameter*> parameters);
std::unique_ptr<Optimizer> make_adamw(const OptimizerOptions& options, std::vector<Parameter*> parameters);

}  // namespace trainer
