#pragma once

#include <cstdint>
#include <string>

namespace trainer {

/// Learning rate over a run.
struct ScheduleOptions {
  std::string name = "cosine";  ///< cosine (to zero), constant
  float rate = 0.1F;            ///< peak
  int64_t warmup_steps = 0;     ///< linear from rate/warmup_steps
  int64_t total_steps = 1;
};

/// Rate of step `step` (0-based). Throws UsageError for an unknown name.
float learning_rate(const ScheduleOptions& options, int64_t step);

}  // namespace trainer
