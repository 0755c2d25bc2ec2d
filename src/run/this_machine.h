#pragma once

#include <nlohmann/json_fwd.hpp>

namespace trainer {

/// All that times of kernels depend on beside what they work on: `processor`, `vectors` (its vector instructions),
/// `version` (of this program), `onednn`, `format` (of what is kept under this description).
nlohmann::json this_machine();

}  // namespace trainer
