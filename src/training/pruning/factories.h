#pragma once

#include <memory>

#include "training/pruning/method.h"

namespace trainer {

/// The methods of the table in methods.cpp, one file each. Options are valid.
std::unique_ptr<PruningMethod> make_set(const PruningOptions& options);
std::unique_ptr<PruningMethod> make_rigl(const PruningOptions& options);
std::unique_ptr<PruningMethod> make_gradual(const PruningOptions& options);
std::unique_ptr<PruningMethod> make_static(const PruningOptions& options);

}  // namespace trainer
