#include "processor/phase.h"

#include <array>

namespace trainer {

std::string_view to_string(Phase phase) {
  constexpr std::array<std::string_view, kPhases> kNames = {"FF", "BP", "WG", "BN", "UP"};
  return kNames[static_cast<size_t>(phase)];
}

}  // namespace trainer
