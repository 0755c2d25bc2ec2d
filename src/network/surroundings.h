#pragma once

#include <vector>

#include "network/network.h"

namespace trainer {

/// What stands before and after one node (see ContractionLayer and BatchNormLayer in network/step_hook.h).
struct Surroundings {
  // Of a contraction.
  bool input_is_rectified = false;
  bool input_from_batchnorm = false;
  bool output_to_batchnorm = false;
  // Of a BN.
  int applied_on_load = 0;
  int contraction_before = -1;  ///< the node that its input comes from, where that is a contraction
};

/// One entry per node, from the graph alone: neither the path nor the passes nor the batch matter.
std::vector<Surroundings> find_surroundings(const std::vector<Network::Node>& nodes);

/// Tells every contraction and BN its surroundings, so that hooks see them. The layers must have been planned.
void describe_surroundings(const std::vector<Network::Node>& nodes);

}  // namespace trainer
