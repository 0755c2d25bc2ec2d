#pragma once

#include <cstddef>
#include <vector>

#include "network/network.h"

namespace trainer {

/// Of each node: the nodes that read its output, in order, one that reads it twice being there twice.
std::vector<std::vector<size_t>> find_readers(const std::vector<Network::Node>& nodes);

}  // namespace trainer
