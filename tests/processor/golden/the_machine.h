#pragma once

#include "processor/golden/machine.h"

namespace trainer::golden_test {

/// Groups and PEs that no test exceeds.
inline constexpr int64_t kMostGroups = 16;
inline constexpr int64_t kMostPes = 16;

/// The one machine of this program.
golden::Machine& machine();

}  // namespace trainer::golden_test
