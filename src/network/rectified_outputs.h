#pragma once

#include <cstddef>
#include <vector>

#include "network/fusion.h"
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

/// Those of a network, in order. Of a sum of two such convolutions the one with more weights an output counts, the
/// other being its shortcut. From the graph alone, so the same for every path and all passes.
std::vector<RectifiedOutputs> find_rectified_outputs(const std::vector<Network::Node>& nodes);

/// One node in FF, or BN with the sum and the ReLU after it in one pass.
struct ForwardStep {
  size_t node = 0;
  size_t last = 0;                         ///< the node whose output it makes
  layers::BatchNorm* batchnorm = nullptr;  ///< null for one node
  size_t add = 0;
  int shortcut = -1;     ///< as in RectifiedOutputs
  Ceiling ceiling = {};  ///< as in RectifiedChain

  bool operator==(const ForwardStep&) const = default;
};

/// FF of `nodes` nodes in the order in which they were added.
std::vector<ForwardStep> forward_steps(size_t nodes, const std::vector<RectifiedChain>& chains);

/// The same values from an order in which every convolution with a shortcut waits for it: what ReLU will discard can
/// then be told before the convolution is computed.
std::vector<ForwardStep> speculating_steps(const std::vector<Network::Node>& nodes, std::vector<ForwardStep> steps,
                                           const std::vector<RectifiedOutputs>& rectified);

}  // namespace trainer
