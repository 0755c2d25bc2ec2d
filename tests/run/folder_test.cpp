#include "run/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_help::message_of;
using testing_help::TemporaryFolder;

std::vector<int64_t> steps_of(const fs::path& run) {
  std::vector<int64_t> steps;
  for (const CheckpointFile& file : list_checkpoints(run)) {
    steps.push_back(file.step);
  }
  return steps;
}

void touch(const fs::path& file) { std::ofstream(file) << "x"; }

TEST(RunFolder, MakesAnEmptyOneAndRefusesAFullOne) {
  const TemporaryFolder temporary;
  fs::create_directories(temporary / "empty");
  RunFolder::create(temporary / "empty");
  EXPECT_TRUE(fs::is_directory(temporary / "empty" / "checkpoints"));
  EXPECT_THAT(message_of<UsageError>([&] { RunFolder::create(temporary / "empty"); }),
              HasSubstr("exists and is not empty; continue it with --resume"));
  temporary.write("file", "x");
  EXPECT_THAT(message_of<UsageError>([&] { RunFolder::create(temporary / "file"); }), HasSubstr("is a file"));
}

TEST(RunFolder, OpensARunAlone) {
  const TemporaryFolder temporary;
  EXPECT_THAT(message_of<UsageError>([&] { RunFolder::open(temporary.path()); }), HasSubstr("is not a run folder"));
  temporary.write("run.yaml", "");
  EXPECT_EQ(RunFolder::open(temporary.path()).path(), temporary.path());
}

TEST(RunFolder, RefusesASecondWriter) {
  const TemporaryFolder temporary;
  temporary.write("run.yaml", "");
  {
    const RunFolder first = RunFolder::open(temporary.path());
    EXPECT_THAT(message_of<UsageError>([&] { RunFolder::open(temporary.path()); }),
                HasSubstr("another process is training in this run folder"));
  }
  RunFolder::open(temporary.path());  // free again
}

TEST(RunFolder, NumbersRuns) {
  const TemporaryFolder temporary;
  const fs::path before = fs::current_path();
  fs::current_path(temporary.path());
  const fs::path first = RunFolder::create_numbered("resnet18", "fashion-mnist").path();
  const fs::path second = RunFolder::create_numbered("resnet18", "fashion-mnist").path();
  const fs::path other = RunFolder::create_numbered("resnet18", "/my photos/cats & dogs/").path();
  fs::current_path(before);
  EXPECT_EQ(first, "runs/resnet18-fashion-mnist-1");
  EXPECT_EQ(second, "runs/resnet18-fashion-mnist-2");
  EXPECT_EQ(other, "runs/resnet18-cats___dogs-1");
}

TEST(RunFolder, ListsAndPrunesCheckpoints) {
  const TemporaryFolder temporary;
  const RunFolder folder = RunFolder::create(temporary / "run");
  EXPECT_EQ(folder.checkpoint_file(42).filename(), "step-00000042.ckpt");
  for (const int64_t step : {5, 123456789, 40}) {
    touch(folder.checkpoint_file(step));
  }
  touch(folder.path() / "checkpoints" / "step-xx.ckpt");
  touch(folder.path() / "checkpoints" / "step-00000041.ckpt.partial");
  EXPECT_THAT(steps_of(folder.path()), ElementsAre(123456789, 40, 5));
  folder.prune_checkpoints(2);
  EXPECT_THAT(steps_of(folder.path()), ElementsAre(123456789, 40));
  EXPECT_EQ(folder.set_aside(list_checkpoints(folder.path()).front()), "step-123456789.ckpt.damaged");
  EXPECT_THAT(steps_of(folder.path()), ElementsAre(40));
}

TEST(RunFolder, NoCheckpointsIsAnEmptyList) {
  const TemporaryFolder temporary;
  EXPECT_TRUE(list_checkpoints(temporary / "none").empty());
}

}  // namespace
}  // namespace trainer
