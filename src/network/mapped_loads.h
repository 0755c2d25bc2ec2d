#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "network/fusion.h"

namespace trainer {

/// A BN, perhaps with the ReLU after it, whose output A one convolution alone reads. A need not be in memory: where the
/// convolution's path can, it makes A of Z as it reads it, in FF and in WG, and BN's BP needs Z alone. Where it cannot,
/// or a hook is to see A, A is made for that call in memory that is free then.
struct MappedLoad {
  layers::BatchNorm* batchnorm = nullptr;
  size_t first = 0;   ///< BN's node
  size_t last = 0;    ///< the node whose output A is: ReLU's, or BN's
  size_t reader = 0;  ///< the convolution's node
  bool rectify = false;
  Ceiling ceiling = {};  ///< of a clipped ReLU

  /// Whether the convolution reads A when nothing else has been done since it was made.
  bool read_next() const { return reader == last + 1; }
};

/// Those of a network with planned layers, in order: of the chains, and of BNs without a ReLU. `needs_adapter`: the
/// nodes, one entry each, that run on copies of another format.
std::vector<MappedLoad> find_mapped_loads(const std::vector<Network::Node>& nodes,
                                          const std::vector<RectifiedChain>& chains, const MemoryPlan& memory,
                                          const std::vector<uint8_t>& needs_adapter);

}  // namespace trainer
