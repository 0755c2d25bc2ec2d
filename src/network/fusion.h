#pragma once

#include <cstddef>
#include <vector>

#include "network/layers/batchnorm.h"
#include "network/memory_plan.h"
#include "network/network.h"

namespace trainer {

/// Consecutive nodes that one pass can do: BN, then where a residual branch ends the sum with its shortcut, then ReLU
/// or clipped ReLU.
struct RectifiedChain {
  layers::BatchNorm* batchnorm = nullptr;
  size_t first = 0;      ///< BN's node
  size_t last = 0;       ///< ReLU's node
  int shortcut = -1;     ///< the input of the add node that is the shortcut, 0 or 1; -1 where the chain has no add
  Ceiling ceiling = {};  ///< of a clipped ReLU

  bool has_shortcut() const { return shortcut >= 0; }
  size_t add() const { return first + 1; }
};

/// The chains of a planned network, in order: nothing else reads what is between their nodes, and the memory plan lets
/// the gradient pass from ReLU to BN in place. Each layer must have been planned.
std::vector<RectifiedChain> find_rectified_chains(const std::vector<Network::Node>& nodes, const MemoryPlan& memory);

}  // namespace trainer
