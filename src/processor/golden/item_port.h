#pragma once

#include "processor/golden/job.h"

namespace trainer::golden {

/// Cycles in which the global buffer hands a group the operands of an item through its port (contract, section 4).
int64_t port_cycles(const Job& job, const Item& item);

/// The same for a tile of `positions` of `all`, and a shortcut of `shortcut_positions`: what the controller predicts
/// with averages.
int64_t port_cycles(const Job& job, int64_t block, int64_t slice, int64_t positions, int64_t all,
                    int64_t shortcut_positions);

}  // namespace trainer::golden
