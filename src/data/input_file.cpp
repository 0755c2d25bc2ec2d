#include "data/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace trainer {
namespace {

constexpr uint64_t kPiece = uint64_t{16} << 20U;
constexpr uint64_t kLargestStatedSize = uint64_t{1} << 40U;

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (number_ >= 0) {
      close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void throw_cannot_open(const std::string& path) {
  throw UsageError(fmt::format("{}: cannot be opened ({}): check that it exists and may be read", path,
                               std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

void InputFile::Close::operator()(gzFile_s* file) const { gzclose(file); }

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw UsageError(fmt::format("{}: is a folder where a file is expected", name_));
  }
  file_.reset(gzopen(name_.c_str(), "rb"));
  if (!file_) {
    throw_cannot_open(name_);
  }
  gzbuffer(file_.get(), 256 * 1024);
}

uint64_t InputFile::read_some(std::span<uint8_t> into) {
  const int count = gzread(file_.get(), into.data(), static_cast<unsigned>(into.size()));
  if (count >= 0) {
    return static_cast<uint64_t>(count);
  }
  int code = Z_OK;
  const char* message = gzerror(file_.get(), &code);
  if (code == Z_ERRNO) {
    throw SystemFailure(fmt::format("{}: cannot be read ({}): check the disk", name_, message));
  }
  throw UsageError(fmt::format("{}: damaged gzip data ({}): get the file again", name_, message));
}

void InputFile::read(std::span<uint8_t> into) {
  for (size_t have = 0; have < into.size();) {
    const auto count = read_some(into.subspan(have, std::min<size_t>(into.size() - have, kPiece)));
    if (count == 0) {
      throw UsageError(fmt::format("{}: ends too early: get the file again", name_));
    }
    have += count;
  }
}

std::vector<uint8_t> InputFile::read_bytes(uint64_t count) {
  std::vector<uint8_t> bytes;
  while (bytes.size() < count) {
    const size_t have = bytes.size();
    bytes.resize(std::min(count, have + kPiece));
    read(std::span(bytes).subspan(have));
  }
  return bytes;
}

void InputFile::expect_end() {
  uint8_t more = 0;
  if (read_some({&more, 1}) != 0) {
    throw UsageError(fmt::format("{}: is longer than its header says: get the file again", name_));
  }
  int code = Z_OK;
  gzerror(file_.get(), &code);
  if (code == Z_BUF_ERROR) {
    throw UsageError(fmt::format("{}: ends too early: get the file again", name_));
  }
}

void read_whole_file(const std::string& path, std::vector<uint8_t>& into) {
  const Descriptor file(path);
  struct stat status {};
  if (file.number() < 0 || fstat(file.number(), &status) != 0) {
    throw_cannot_open(path);
  }
  into.resize(static_cast<size_t>(std::max<off_t>(status.st_size, 0)));
  for (size_t have = 0; have < into.size();) {
    const ssize_t count = ::read(file.number(), into.data() + have, into.size() - have);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      throw SystemFailure(fmt::format("{}: cannot be read ({}): check the disk", path,
                                      std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
    }
    if (count == 0) {
      into.resize(have);  // the file was shortened meanwhile; the decoder will say that it is damaged
      break;
    }
    have += static_cast<size_t>(count);
  }
}

uint64_t stated_size(std::initializer_list<uint64_t> extents, const std::string& file) {
  uint64_t size = 1;
  for (const uint64_t extent : extents) {
    if (extent == 0) {
      throw UsageError(fmt::format("{}: its header says that it holds nothing: get the file again", file));
    }
    if (extent > kLargestStatedSize / size) {
      throw UsageError(fmt::format("{}: its header states an impossible size: get the file again", file));
    }
    size *= extent;
  }
  return size;
}

}  // namespace trainer
