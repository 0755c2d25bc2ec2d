#include "run/stop_signal.h"

#include <gtest/gtest.h>

namespace trainer {
namespace {

TEST(StopSignal, NotesTheFirst) {
  const StopSignal signals;
  EXPECT_EQ(StopSignal::received(), 0);
  std::raise(SIGTERM);
  EXPECT_EQ(StopSignal::received(), SIGTERM);
}

TEST(StopSignal, ForgetsOnTheNextRun) {
  {
    const StopSignal signals;
    std::raise(SIGINT);
  }
  const StopSignal signals;
  EXPECT_EQ(StopSignal::received(), 0);
}

TEST(StopSignalDeathTest, TheSecondEndsTheProcess) {
  EXPECT_EXIT(
      {
        const StopSignal signals;
        std::raise(SIGTERM);
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignal, LeavesAnIgnoredSignalIgnored) {
  std::signal(SIGINT, SIG_IGN);
  {
    const StopSignal signals;
    std::raise(SIGINT);
    EXPECT_EQ(StopSignal::received(), 0);
  }
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace
}  // namespace trainer
