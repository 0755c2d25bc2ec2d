#pragma once

#include <filesystem>
#include <optional>

#include "run/config.h"

namespace trainer {

struct TrainRequest {
  RunConfig config;              ///< options given so far; for resume those that may change, see RunOption
  std::filesystem::path out;     ///< empty: runs/<model>-<data>-<number>
  std::filesystem::path resume;  ///< not empty: go on with this run
  bool quiet = false;
  bool json = false;
  bool explain_kernels = false;
};

/// `trainer train`: trains to the end (or to SIGINT, SIGTERM), keeps the run folder, prints progress and results.
/// Returns the exit status: 0, or 130 / 143 when a signal ended it after a checkpoint was written.
///
/// With `explain_kernels`: prints which path each phase of each layer takes, and why, and writes no run folder.
int train(const TrainRequest& request);

}  // namespace trainer
