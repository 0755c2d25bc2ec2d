#include "base/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing_help::message_of;
using testing_help::read_text;
using testing_help::TemporaryFolder;

TEST(AtomicFile, ReplacesAndLeavesNothingAside) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  write_file_atomically(folder / "a", "new text");
  EXPECT_EQ(read_text(folder / "a"), "new text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFile, FailureNamesTheFile) {
  const TemporaryFolder folder;
  const auto file = folder / "missing" / "a";
  EXPECT_THAT(message_of<SystemFailure>([&] { write_file_atomically(file, "x"); }),
              testing::HasSubstr("cannot write " + file.string() + ": No such file or directory"));
}

TEST(AtomicFile, AFolderInTheWayStaysAndTheTextGoes) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a" / "inside");
  EXPECT_THROW(write_file_atomically(folder / "a", "x"), SystemFailure);
  EXPECT_TRUE(std::filesystem::exists(folder / "a" / "inside"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.partial"));
}

}  // namespace
}  // namespace trainer
