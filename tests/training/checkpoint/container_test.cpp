#include "training/checkpoint/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "training/scratch_folder.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing_helpers::read_bytes;
using testing_helpers::ScratchFolder;
using testing_helpers::write_bytes;

const std::vector<float> kFloats = {1.5F, -2.0F, 0.25F};
const std::vector<uint32_t> kIntegers = {0, 7, 4'000'000'000U};

void write_example(const std::filesystem::path& file, const std::string& text = "text") {
  const std::vector<StoredArray> arrays = {stored("a", kFloats), stored("none", std::span<const float>()),
                                           stored("b", kIntegers)};
  write_container(file, {{"key", text}}, arrays);
}

std::string refusal(const std::filesystem::path& file) {
  try {
    const Container container(file);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Container, GivesBackWhatWasWritten) {
  const ScratchFolder folder;
  write_example(folder.path() / "c");
  const Container container(folder.path() / "c");
  EXPECT_EQ(container.document(), (nlohmann::json{{"key", "text"}}));
  ASSERT_EQ(container.size(), 3U);
  EXPECT_THAT(container.floats(0, "a"), ElementsAreArray(kFloats));
  EXPECT_THAT(container.floats(1, "none"), ElementsAre());
  EXPECT_THAT(container.integers(2, "b"), ElementsAreArray(kIntegers));
  EXPECT_EQ(folder.files(), std::vector<std::string>{"c"});
}

TEST(Container, LayoutIsAsDocumented) {
  const ScratchFolder folder;
  write_example(folder.path() / "c");
  const std::string bytes = read_bytes(folder.path() / "c");
  EXPECT_EQ(bytes.substr(0, 8), "TRAINCK\n");
  uint32_t version = 0;
  uint64_t header = 0;
  uint64_t payload = 0;
  std::memcpy(&version, bytes.data() + 8, 4);
  std::memcpy(&header, bytes.data() + 16, 8);
  std::memcpy(&payload, bytes.data() + 24, 8);
  EXPECT_EQ(version, 1U);
  EXPECT_EQ((32 + header) % 64, 0U);
  EXPECT_EQ(payload, 128U);  // "a" and "b", each padded to 64
  ASSERT_EQ(bytes.size(), 32 + header + payload + 4);
  float first = 0;
  std::memcpy(&first, bytes.data() + 32 + header, 4);
  EXPECT_EQ(first, 1.5F);
  uint32_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + bytes.size() - 4, 4);
  EXPECT_EQ(checksum, crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size() - 4)));
}

TEST(Container, SameContentSameBytes) {
  const ScratchFolder folder;
  write_example(folder.path() / "c");
  write_example(folder.path() / "d");
  EXPECT_EQ(read_bytes(folder.path() / "c"), read_bytes(folder.path() / "d"));
}

TEST(Container, RefusesEveryTruncationAndEveryFlippedBit) {
  const ScratchFolder folder;
  write_example(folder.path() / "c");
  const std::string whole = read_bytes(folder.path() / "c");
  const auto damaged = folder.path() / "damaged";
  for (size_t length = 0; length < whole.size(); ++length) {
    write_bytes(damaged, whole.substr(0, length));
    ASSERT_NE(refusal(damaged), "") << length << " bytes";
  }
  write_bytes(damaged, whole + '\0');
  EXPECT_NE(refusal(damaged), "");
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(damaged, bytes);
    ASSERT_NE(refusal(damaged), "") << "bit " << bit;
  }
}

TEST(Container, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const auto file = folder.path() / "c";
  EXPECT_THAT(refusal(file), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("cannot use checkpoint"));
  write_bytes(file, "");
  EXPECT_THAT(refusal(file), HasSubstr("too short"));
  write_bytes(file, std::string(1000, 'x'));
  EXPECT_THAT(refusal(file), HasSubstr("not a checkpoint of this program"));
  write_example(file);
  std::string bytes = read_bytes(file);
  bytes[8] = 2;
  write_bytes(file, bytes);
  EXPECT_THAT(refusal(file), HasSubstr("version 2 of the format, this program reads version 1"));
  write_example(file);
  write_bytes(file, read_bytes(file).substr(0, 300));
  EXPECT_THAT(refusal(file), HasSubstr("truncated"));
  write_example(file);
  EXPECT_THAT(refusal(file), "");
  EXPECT_THROW(Container(file).floats(0, "b"), UsageError);
  EXPECT_THROW(Container(file).floats(2, "b"), UsageError);  // of integers
  EXPECT_THROW(Container(file).floats(3, "c"), UsageError);
  EXPECT_THROW(write_example(file, "\xff"), UsageError);
  EXPECT_EQ(refusal(file), "");  // the good one is still there
}

/// A file whose checksum is right but whose header is not what this program writes.
void write_forged(const std::filesystem::path& file, std::string header) {
  header.append((96 - header.size() % 64) % 64, ' ');
  std::string bytes = read_bytes(file).substr(0, 32);
  const uint64_t header_bytes = header.size();
  const uint64_t payload_bytes = 64;
  std::memcpy(bytes.data() + 16, &header_bytes, 8);
  std::memcpy(bytes.data() + 24, &payload_bytes, 8);
  bytes += header + std::string(64, '\0');
  const auto checksum =
      static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  bytes.append(reinterpret_cast<const char*>(&checksum), 4);
  write_bytes(file, bytes);
}

TEST(Container, RefusesForgedHeaders) {
  const ScratchFolder folder;
  const auto file = folder.path() / "c";
  const auto forged = [&](const std::string& header) {
    write_example(file);
    write_forged(file, header);
    return refusal(file);
  };
  const auto array = [](const std::string& offset, const std::string& count, const std::string& type = "f32") {
    return R"({"document":{},"arrays":[{"name":"a","type":")" + type + R"(","offset":)" + offset + R"(,"count":)" +
           count + "}]}";
  };
  EXPECT_EQ(forged(array("0", "16")), "");
  EXPECT_THAT(forged(array("0", "17")), HasSubstr("not in it"));
  EXPECT_THAT(forged(array("0", "4611686018427387905")), HasSubstr("not in it"));  // times 4 wraps around to 4
  EXPECT_THAT(forged(array("18446744073709551552", "1")), HasSubstr("not in it"));
  EXPECT_THAT(forged(array("4", "1")), HasSubstr("not in it"));
  EXPECT_THAT(forged(array("0", "1", "f16")), HasSubstr("not in it"));
  EXPECT_THAT(forged(array("0", "\"1\"")), HasSubstr("cannot be understood"));
  EXPECT_THAT(forged("{}"), HasSubstr("cannot be understood"));
  EXPECT_THAT(forged("[[[["), HasSubstr("cannot be understood"));
}

TEST(Container, AFullDiskLeavesTheOldFile) {
  const ScratchFolder folder;
  const auto file = folder.path() / "c";
  write_example(file);
  const std::string before = read_bytes(file);
  const std::vector<float> large(100'000, 1.0F);

  // In a process of its own, which may write files of 64 KiB: what a full disk does to write(), for real.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{65536, 65536};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
      _exit(3);
    }
    try {
      const std::vector<StoredArray> arrays = {stored("large", large)};
      write_container(file, {}, arrays);
    } catch (const SystemFailure& failure) {
      _exit(std::string(failure.what()).find("File too large") != std::string::npos ? 0 : 4);
    } catch (...) {
      _exit(5);
    }
    _exit(6);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_bytes(file), before);
  EXPECT_EQ(folder.files(), std::vector<std::string>{"c"});
}

TEST(Container, FailuresOfTheMachine) {
  const ScratchFolder folder;
  EXPECT_THROW(write_example(folder.path() / "missing" / "c"), SystemFailure);
  // A folder is in the way: the rename fails, and nothing is left behind.
  std::filesystem::create_directories(folder.path() / "taken" / "inside");
  EXPECT_THROW(write_example(folder.path() / "taken"), SystemFailure);
  EXPECT_EQ(folder.files(), std::vector<std::string>{"taken"});
  // What a killed process left behind is written over.
  write_bytes(folder.path() / "c.partial", std::string(5000, 'x'));
  write_example(folder.path() / "c");
  EXPECT_EQ(refusal(folder.path() / "c"), "");
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"c", "taken"}));
}

}  // namespace
}  // namespace trainer
