#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct gzFile_s;

namespace trainer {

/// A file read from front to back, gzipped or not (told apart by its first bytes).
/// Every function throws UsageError naming the file when it is missing, damaged or of the wrong length, and
/// SystemFailure when the disk fails.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);

  /// Fills `into`; the file must hold that much.
  void read(std::span<uint8_t> into);
  /// Reads `count` bytes. Memory grows with what the file really holds, so a damaged header cannot ask for more.
  std::vector<uint8_t> read_bytes(uint64_t count);
  /// The file must end here; for a gzipped one this also checks its checksum.
  void expect_end();
  const std::string& name() const { return name_; }

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };

  uint64_t read_some(std::span<uint8_t> into);

  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

/// The whole file as it lies on disk, into memory that is reused.
void read_whole_file(const std::string& path, std::vector<uint8_t>& into);

/// The product of extents that a header of `file` states; UsageError when it is 0 or above 2^40 (no header of a real
/// file says so).
uint64_t stated_size(std::initializer_list<uint64_t> extents, const std::string& file);

}  // namespace trainer
