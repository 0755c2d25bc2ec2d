#include "training/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace trainer {
namespace {

ScheduleOptions schedule(const std::string& name, int64_t warmup, int64_t total) {
  ScheduleOptions options;
  options.name = name;
  options.rate = 0.8F;
  options.warmup_steps = warmup;
  options.total_steps = total;
  return options;
}

TEST(Schedule, WarmUpIsLinear) {
  for (const char* name : {"cosine", "step", "constant"}) {
    const ScheduleOptions options = schedule(name, 4, 100);
    EXPECT_FLOAT_EQ(learning_rate(options, 0), 0.2F) << name;
    EXPECT_FLOAT_EQ(learning_rate(options, 1), 0.4F) << name;
    EXPECT_FLOAT_EQ(learning_rate(options, 3), 0.8F) << name;
    EXPECT_FLOAT_EQ(learning_rate(options, 4), 0.8F) << name;
  }
}

TEST(Schedule, CosineFallsToZero) {
  const ScheduleOptions options = schedule("cosine", 20, 100);
  EXPECT_FLOAT_EQ(learning_rate(options, 20), 0.8F);
  EXPECT_FLOAT_EQ(learning_rate(options, 40), static_cast<float>(0.8 * (1 + std::sqrt(0.5)) / 2));  // a quarter
  EXPECT_FLOAT_EQ(learning_rate(options, 60), 0.4F);                                                // half way
  EXPECT_GT(learning_rate(options, 99), 0.0F);
  EXPECT_NEAR(learning_rate(options, 100), 0.0F, 1e-8F);
  EXPECT_NEAR(learning_rate(options, 1000), 0.0F, 1e-8F);
}

TEST(Schedule, ConstantStays) {
  const ScheduleOptions options = schedule("constant", 0, 10);
  EXPECT_FLOAT_EQ(learning_rate(options, 0), 0.8F);
  EXPECT_FLOAT_EQ(learning_rate(options, 9), 0.8F);
}

TEST(Schedule, StepFallsTwice) {
  ScheduleOptions options = schedule("step", 0, 100);
  EXPECT_FLOAT_EQ(learning_rate(options, 49), 0.8F);
  EXPECT_FLOAT_EQ(learning_rate(options, 50), 0.08F);
  EXPECT_FLOAT_EQ(learning_rate(options, 74), 0.08F);
  EXPECT_FLOAT_EQ(learning_rate(options, 75), 0.008F);
  EXPECT_FLOAT_EQ(learning_rate(options, 99), 0.008F);
  options.milestones = {0.25};
  options.factor = 0.5;
  EXPECT_FLOAT_EQ(learning_rate(options, 24), 0.8F);
  EXPECT_FLOAT_EQ(learning_rate(options, 99), 0.4F);
}

TEST(Schedule, RunsThatAreAllWarmUp) {
  const ScheduleOptions options = schedule("cosine", 10, 5);
  EXPECT_FLOAT_EQ(learning_rate(options, 4), 0.4F);
  EXPECT_FLOAT_EQ(learning_rate(options, 12), 0.8F);
}

TEST(Schedule, RefusesWhatItCannotDo) {
  EXPECT_THROW(learning_rate(schedule("linear", 0, 10), 0), UsageError);
  EXPECT_THROW(learning_rate(schedule("cosine", -1, 10), 0), UsageError);
  EXPECT_THROW(learning_rate(schedule("cosine", 0, 0), 0), UsageError);
  ScheduleOptions options = schedule("step", 0, 10);
  options.milestones = {1.5};
  EXPECT_THROW(learning_rate(options, 0), UsageError);
  options = schedule("step", 0, 10);
  options.factor = 0;
  EXPECT_THROW(learning_rate(options, 0), UsageError);
  options = schedule("cosine", 0, 10);
  options.rate = NAN;
  EXPECT_THROW(learning_rate(options, 0), UsageError);
  options.rate = -0.1F;
  EXPECT_THROW(learning_rate(options, 0), UsageError);
  EXPECT_EQ(schedule_list().size(), 3U);
}

}  // namespace
}  // namespace trainer
