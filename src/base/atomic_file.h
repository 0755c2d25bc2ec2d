#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace trainer {

/// A file that appears whole or not at all: written to "<file>.partial" beside it, fsynced, renamed, and the folder
/// fsynced. Without commit() the partial file is removed and what was there before stays. One process at a time may
/// write a given file.
///
/// Everything throws SystemFailure naming the file and the operating system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path file);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Puts the file in its place. Nothing may be written after it.
  void commit();

 private:
  [[noreturn]] void fail(int error) const;
  void close_partial();

  std::filesystem::path file_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
  bool committed_ = false;
};

/// Replaces `file` by `text`, whole or not at all. Throws SystemFailure.
void write_file_atomically(const std::filesystem::path& file, std::string_view text);

}  // namespace trainer
