#pragma once

#include <string>
#include <string_view>

namespace trainer {

/// Kinds of redundancy that training leaves out (docs/speculation.md). Those of BP and WG are exact: they change no
/// value, only what a processor has to do.
struct SpeculationClasses {
  bool feedforward = false;      ///< `ff`: outputs that a ReLU is predicted to discard
  bool backpropagation = false;  ///< `bp`: dX where the ReLU below was off
  bool gradients = false;        ///< `gradients`: small values of dZ
  bool weight_gradient = false;  ///< `wg`: dW of pruned weights

  /// Whether training itself computes anything else than without.
  bool change_values() const { return feedforward || gradients; }
  bool operator==(const SpeculationClasses&) const = default;
};

/// "none", "all", or a list such as "ff,gradients". Throws UsageError (opening with `where`) for an unknown or empty
/// class, or for none or all beside others.
SpeculationClasses parse_speculation(std::string_view text, std::string_view where);

/// As parse_speculation() reads it.
std::string to_text(const SpeculationClasses& classes);

}  // namespace trainer
