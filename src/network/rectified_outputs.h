#pragma once

#include <cstddef>
#include <vector>

#include "network/network.h"

namespace trainer {

/// A convolution whose Z is read by a BN alone, whose output a ReLU (or ReLU6) alone reads, perhaps after the sum with
/// a shortcut.
struct RectifiedOutputs {
  size_t convolution = 0;
  size_t batchnorm = 0;
  size_t rectifier = 0;
  size_t add = 0;
  int shortcut = -1;  ///< the input of the add node that is the shortcut, 0 or 1; -1 where the chain has no add

  bool has_shortcut() const { return shortcut >= 0; }
};

/// Those of a network, in order. A shortcut is there before BN runs: of a sum of two BNs, the later one's convolution
/// counts. From the graph alone, so the same for every path and all passes.
std::vector<RectifiedOutputs> find_rectified_outputs(const std::vector<Network::Node>& nodes);

/// Nodes in the order of FF. As they were added, but a convolution whose shortcut comes later waits for it, until right
/// before its BN: what a ReLU will discard can then be told before the convolution is computed.
std::vector<size_t> feedforward_order(size_t nodes, const std::vector<RectifiedOutputs>& rectified);

}  // namespace trainer
