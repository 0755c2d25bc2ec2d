#pragma once

#include <string>
#include <vector>

#include "network/surroundings.h"

namespace trainer {

/// What stands before and after one convolution, each in the order in which data passes: bn, relu, add (the sum with a
/// shortcut), maxpool. Nothing else reads what passes between them.
struct LayerNeighbours {
  std::vector<std::string> before;
  std::vector<std::string> after;
};

/// What a network tells processors of a convolution with such neighbours.
struct LayerPlace {
  Surroundings surroundings;
  bool speculated = false;  ///< training can skip its outputs: BN -> (sum) -> ReLU alone read them
  bool has_shortcut = false;
};

/// Found as in any network, by network/surroundings.h and network/rectified_outputs.h. Throws UsageError for a
/// neighbour that there is not, naming --before or --after.
LayerPlace place_of(const LayerNeighbours& neighbours);

}  // namespace trainer
