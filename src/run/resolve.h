#pragma once

#include <cstdint>

#include "data/dataset.h"
#include "run/config.h"

namespace trainer {

/// Rows and columns that `image-size` asks for: "32" or "32x48". Throws UsageError.
struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
};
ImageSize parse_image_size(const std::string& text);

/// Gives every option with a derived default its value (the rules stand in run_options() under `derived`), makes paths
/// absolute so that run.yaml means the same from any folder, adds dense-28nm beside trainer-28nm as the reference, and
/// checks options against each other. Throws UsageError.
void resolve(RunConfig& config, const DataSplit& data);

}  // namespace trainer
