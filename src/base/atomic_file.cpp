#include "base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace trainer {

AtomicFile::AtomicFile(std::filesystem::path file) : file_(std::move(file)), partial_(file_) {
  partial_ += ".partial";
  descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor_ < 0) {
    fail(errno);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
  if (!committed_) {
    ::unlink(partial_.c_str());
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      fail(errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) {
    fail(errno);
  }
  close_partial();
  if (::rename(partial_.c_str(), file_.c_str()) != 0) {
    fail(errno);
  }
  committed_ = true;
  // The new name survives a power cut only once the folder is on the disk too.
  const std::filesystem::path folder = file_.has_parent_path() ? file_.parent_path() : ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    fail(errno);
  }
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems cannot sync a folder and say so with EINVAL: there, the rename is all there is.
  if (error != 0 && error != EINVAL) {
    fail(error);
  }
}

void AtomicFile::close_partial() {
  // Network file systems may report a full disk only here.
  const int result = ::close(std::exchange(descriptor_, -1));
  if (result != 0 && errno != EINTR) {
    fail(errno);
  }
}

void write_file_atomically(const std::filesystem::path& file, std::string_view text) {
  AtomicFile whole(file);
  whole.write(std::as_bytes(std::span(text)));
  whole.commit();
}

void AtomicFile::fail(int error) const {
  throw SystemFailure(
      fmt::format("cannot write {}: {}{}", file_.string(), std::generic_category().message(error),
                  committed_ ? "; it is complete but may not survive a power cut"
                             : "; a file that was there before is untouched; free space or choose another folder"));
}

}  // namespace trainer
