#include "training/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace trainer {
namespace {

// Each gives the part of the peak rate that holds after the warm-up.

double cosine(const ScheduleOptions& options, int64_t step) {
  const int64_t steps = options.total_steps - options.warmup_steps;
  if (steps <= 0) {
    return 1;
  }
  const double done = std::min(1.0, static_cast<double>(step - options.warmup_steps) / static_cast<double>(steps));
  return (1 + std::cos(std::numbers::pi * done)) / 2;
}

double constant(const ScheduleOptions& /*options*/, int64_t /*step*/) { return 1; }

double stepwise(const ScheduleOptions& options, int64_t step) {
  const auto passed = std::count_if(options.milestones.begin(), options.milestones.end(), [&](double milestone) {
    return static_cast<double>(step) >= milestone * static_cast<double>(options.total_steps);
  });
  return std::pow(options.factor, static_cast<double>(passed));
}

struct NamedSchedule {
  NamedSummary listed;
  double (*part_of_peak)(const ScheduleOptions&, int64_t);
};

constexpr NamedSchedule kSchedules[] = {
    {{"cosine", "half a cosine from the peak to zero at the end of the run"}, cosine},
    {{"step", "a tenth of the rate at 50% of the run and again at 75%"}, stepwise},
    {{"constant", "the peak throughout"}, constant},
};

void validate(const ScheduleOptions& options) {
  if (!(options.rate >= 0) || !std::isfinite(options.rate)) {
    throw UsageError(fmt::format("learning rate is {}, must be 0 or more", options.rate));
  }
  if (options.total_steps < 1) {
    throw UsageError(fmt::format("schedule: the run has {} steps, must have at least 1", options.total_steps));
  }
  if (options.warmup_steps < 0) {
    throw UsageError(fmt::format("schedule: {} warm-up steps, must be 0 or more", options.warmup_steps));
  }
  if (!(options.factor > 0 && options.factor <= 1)) {
    throw UsageError(fmt::format("schedule: factor is {}, must be above 0 and at most 1", options.factor));
  }
  for (const double milestone : options.milestones) {
    if (!(milestone >= 0 && milestone <= 1)) {
      throw UsageError(fmt::format("schedule: milestone {} must be a part of the run, between 0 and 1", milestone));
    }
  }
}

}  // namespace

const std::vector<NamedSummary>& schedule_list() {
  static const std::vector<NamedSummary> list = [] {
    std::vector<NamedSummary> entries;
    for (const NamedSchedule& entry : kSchedules) {
      entries.push_back(entry.listed);
    }
    return entries;
  }();
  return list;
}

float learning_rate(const ScheduleOptions& options, int64_t step) {
  validate(options);
  std::vector<std::string_view> known;
  for (const NamedSchedule& entry : kSchedules) {
    if (entry.listed.name == options.name) {
      const double part = step < options.warmup_steps
                              ? static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps)
                              : entry.part_of_peak(options, step);
      return static_cast<float>(options.rate * part);
    }
    known.push_back(entry.listed.name);
  }
  throw UsageError(fmt::format("unknown schedule '{}'; known: {}", options.name, fmt::join(known, ", ")));
}

}  // namespace trainer
