#pragma once

#include <cstdint>
#include <vector>

#include "network/layer.h"

namespace trainer {

/// What the memory plan needs to know of one node.
struct MemoryNode {
  std::vector<int> inputs;  ///< numbers of earlier nodes; negative: the images
  int64_t size = 0;         ///< bytes of its output
  LayerMemory memory;
  bool has_parameters = false;
};

/// Where every activation and gradient of a network lives, decided before the first step.
///
/// Gradients live in slots. A node's gradient is written when the last of its consumers is processed (BP runs through
/// the nodes backwards) and dies when the node itself has been; a slot is used again after that.
struct MemoryPlan {
  /// The node in whose memory this node's output is: itself, or an input that FF overwrites.
  std::vector<int> output_memory;
  /// Whether the node has parameters or follows one that has: only then do gradients reach it.
  std::vector<uint8_t> needs_gradient;

  struct Target {
    int slot = -1;            ///< where BP writes this dinput; -1: not needed
    bool accumulate = false;  ///< the layer adds to what is in the slot
    int add_to = -1;          ///< afterwards the network adds `slot` to this slot (the layer cannot accumulate)
  };
  struct Backward {
    int doutput = -1;             ///< slot; -1 where needs_gradient is false
    std::vector<Target> dinputs;  ///< one per input
  };
  std::vector<Backward> backward;
  std::vector<int64_t> slot_sizes;  ///< bytes
};

/// The last node is the output; every other node must have a consumer.
MemoryPlan plan_memory(const std::vector<MemoryNode>& nodes);

}  // namespace trainer
