#pragma once

#include <cstdint>

namespace trainer {

/// Whether a phase leaves out outputs: docs/processor-contract.md, section 1.
struct Selection {
  bool speculated = false;      ///< FF whose skipped outputs are not computed
  bool reads_shortcut = false;  ///< such an FF whose prediction needs the tensor that is added after BN
  bool masked = false;          ///< BP that leaves dX out where the ReLU was off

  bool any() const { return speculated || masked; }
};

}  // namespace trainer
