#pragma once

#include <string_view>

namespace trainer {

/// Phases of a report, in this order.
enum class Phase { FF, BP, WG, BN, UP };
inline constexpr int kPhases = 5;
std::string_view to_string(Phase phase);

}  // namespace trainer
