#include "run/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace trainer {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".ckpt";

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw SystemFailure(
        fmt::format("{}: the folder cannot be made: {}; choose another with --out", path.string(), error.message()));
  }
}

/// A file name made of the last part of a path or name: letters, digits, dot, dash and underscore stay.
std::string file_name(const std::string& text) {
  fs::path path(text);
  std::string name = path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-' && c != '_'; }, '_');
  return name;
}

}  // namespace

void check_new_folder(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return;
  }
  if (!fs::is_directory(path, error)) {
    throw UsageError(fmt::format("--out: {} is a file; choose another name", path.string()));
  }
  if (!fs::is_empty(path, error)) {
    throw UsageError(
        fmt::format("--out: {} exists and is not empty; continue it with --resume {} or choose another name",
                    path.string(), path.string()));
  }
}

RunFolder RunFolder::create(const fs::path& path) {
  check_new_folder(path);
  return {path, true};
}

RunFolder RunFolder::create_numbered(const std::string& model, const std::string& data) {
  const std::string stem = fmt::format("{}-{}", file_name(model), file_name(data));
  make_folders("runs");
  for (int number = 1;; ++number) {
    const fs::path path = fs::path("runs") / fmt::format("{}-{}", stem, number);
    std::error_code error;
    // False where it exists: two programs that start at once get two numbers.
    if (fs::create_directory(path, error)) {
      return {path, true};
    }
    if (error) {
      throw SystemFailure(
          fmt::format("{}: the folder cannot be made: {}; choose another with --out", path.string(), error.message()));
    }
  }
}

RunFolder RunFolder::open(const fs::path& path) {
  if (!fs::is_regular_file(path / "run.yaml")) {
    throw UsageError(fmt::format("--resume: {} is not a run folder (it has no run.yaml)", path.string()));
  }
  return {path, false};
}

RunFolder::RunFolder(fs::path path, bool fresh) : path_(std::move(path)) {
  if (fresh) {
    make_folders(path_ / "checkpoints");
  }
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) {
    throw SystemFailure(fmt::format("{}: the folder cannot be opened; check its permissions", path_.string()));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw UsageError(fmt::format("{}: another process is training in this run folder; stop it first", path_.string()));
  }
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

fs::path RunFolder::checkpoint_file(int64_t step) const {
  return path_ / "checkpoints" / fmt::format("{}{:08}{}", kPrefix, step, kSuffix);
}

void RunFolder::prune_checkpoints(int64_t keep) const {
  const std::vector<CheckpointFile> files = list_checkpoints(path_);
  for (size_t i = static_cast<size_t>(keep); i < files.size(); ++i) {
    std::error_code ignored;  // one that cannot be removed costs space alone
    fs::remove(files[i].file, ignored);
  }
}

std::string RunFolder::set_aside(const CheckpointFile& checkpoint) const {
  fs::path aside = checkpoint.file;
  aside += ".damaged";
  std::error_code error;
  fs::rename(checkpoint.file, aside, error);
  if (error) {
    throw SystemFailure(
        fmt::format("{}: damaged and cannot be renamed: {}; remove it", checkpoint.file.string(), error.message()));
  }
  return aside.filename().string();
}

std::vector<CheckpointFile> list_checkpoints(const fs::path& run) {
  std::vector<CheckpointFile> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(run / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= kPrefix.size() + kSuffix.size() || !name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
      continue;
    }
    const char* const end = name.data() + name.size() - kSuffix.size();
    int64_t step = 0;
    const auto [stopped, failed] = std::from_chars(name.data() + kPrefix.size(), end, step);
    if (failed == std::errc() && stopped == end) {
      files.push_back({step, entry.path()});
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return files;
}

}  // namespace trainer
