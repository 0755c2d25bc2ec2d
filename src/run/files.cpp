#include "run/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace trainer {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, int error) {
  throw SystemFailure(fmt::format("{}: cannot be written: {}; free space or choose another folder", file.string(),
                                  std::strerror(error)));
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// Makes the rename itself durable.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::fsync(descriptor);
    ::close(descriptor);
  }
}

}  // namespace

void write_file_atomically(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::path aside = file;
  aside += ".part";
  const int descriptor = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    fail(file, errno);
  }
  const bool written = write_all(descriptor, text) && ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (!written) {
    ::unlink(aside.c_str());
    fail(file, error);
  }
  if (::rename(aside.c_str(), file.c_str()) != 0) {
    const int rename_error = errno;
    ::unlink(aside.c_str());
    fail(file, rename_error);
  }
  sync_folder(file.parent_path());
}

}  // namespace trainer
