#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "network/network.h"

namespace trainer {

/// What a named network is built for.
struct ModelRequest {
  std::string name;  ///< one of model_list()
  double width = 1;  ///< multiplies every channel count (rounded to a multiple of 4, at least 4)
  Shape images;      ///< N x C x H x W of a batch
  int64_t classes = 10;
  uint64_t seed = 1;  ///< He-normal (fan out) for weights, as PyTorch's ResNets; gamma 1, beta 0
};

struct ModelEntry {
  std::string_view name;
  std::string_view summary;  ///< one line, for `trainer list`
};

/// The visible table of named networks.
const std::vector<ModelEntry>& model_list();

/// Builds the network; not planned yet. Throws UsageError for an unknown name (the message lists the known ones).
Network make_model(const ModelRequest& request);

}  // namespace trainer
