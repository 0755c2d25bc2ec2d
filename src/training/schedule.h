#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/optimizer.h"

namespace trainer {

/// Learning rate over a run.
struct ScheduleOptions {
  std::string name = "cosine";  ///< one of schedule_list()
  float rate = 0.1F;            ///< peak
  int64_t warmup_steps = 0;     ///< linear from rate/warmup_steps; the schedule itself starts after it
  int64_t total_steps = 1;
  std::vector<double> milestones = {0.5, 0.75};  ///< step: parts of the run (0..1) at which the rate falls
  double factor = 0.1;                           ///< step: what it is multiplied by at each of them
};

const std::vector<NamedSummary>& schedule_list();

/// Rate of step `step` (0-based); steps past the run's end keep the end's. Throws UsageError for an unknown name or a
/// value out of range.
float learning_rate(const ScheduleOptions& options, int64_t step);

}  // namespace trainer
