#pragma once

#include <vector>

#include "network/layers/batchnorm.h"
#include "network/network.h"

namespace trainer {

/// BN's work that the convolutions around it can do while tensors pass through them, as a decoupled BN unit has it.
struct Decoupling {
  /// Of each node: the BN that alone reads what this convolution writes, so that its sums can be taken on the way; null
  /// for all other nodes.
  std::vector<layers::BatchNorm*> sums_for;
};

/// That of a network with planned layers. What a convolution's path cannot do is for each step to find out.
Decoupling find_decoupling(const std::vector<Network::Node>& nodes);

}  // namespace trainer
