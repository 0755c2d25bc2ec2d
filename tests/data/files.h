#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainer::test {

using Bytes = std::vector<uint8_t>;

/// A new folder, removed with everything in it at the end of the test.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string name() const { return path_.string(); }
  std::filesystem::path operator/(const std::string& inner) const { return path_ / inner; }

 private:
  std::filesystem::path path_;
};

/// Writes a file and the folders above it.
void write_file(const std::filesystem::path& path, const Bytes& bytes);
Bytes gzipped(const Bytes& bytes);

/// An IDX file of bytes.
Bytes idx(const std::vector<uint32_t>& extents, const Bytes& values);
/// A .npy file (version 1) with this type, shape literal and values.
Bytes npy(const std::string& type, const std::string& shape, const Bytes& values);
/// A .npy file whose header is this text.
Bytes npy_with_header(const std::string& header, const Bytes& values);

struct PngFormat {
  int colour_type = 0;  ///< PNG_COLOR_TYPE_...
  int depth = 8;
  bool interlaced = false;
};
/// `rows` holds the file's own rows (packed below 8 bits, big-endian at 16); for palette images the colours are
/// (i, 2 i, 255 - i).
Bytes png(int width, int height, const PngFormat& format, const Bytes& rows);
Bytes grey_png(int width, int height, const Bytes& pixels);
Bytes rgb_png(int width, int height, const Bytes& interleaved);

/// Quality 100, no chroma subsampling. `channels` 1, 3 (RGB) or 4 (CMYK, as Adobe stores it).
Bytes jpeg(int width, int height, int channels, const Bytes& interleaved);

/// The message of the UsageError that `action` throws, which must be one line; "" (and a failed test) when it throws
/// none.
std::string usage_error(const std::function<void()>& action);

/// `count` images of channels x height x width, pixel p of image i = (7 i + 3 p) mod 251, labels i mod classes.
std::shared_ptr<const Dataset> counting_dataset(int64_t count, int64_t channels, int64_t height, int64_t width,
                                                int32_t classes);

}  // namespace trainer::test
