#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainer {

/// What the header of a JPEG or PNG file says.
struct ImageHeader {
  int64_t height = 0;
  int64_t width = 0;
  bool grey = false;  ///< one channel, not counting alpha
};

/// Images above this are taken for damaged headers.
inline constexpr int64_t kMostPixels = int64_t{1} << 28U;

/// Decodes JPEG files (libjpeg-turbo: accurate DCT, smooth upsampling).
class JpegDecoder {
 public:
  JpegDecoder();
  /// `name` is for messages. Both throw UsageError when the file is damaged, cut off, or states an impossible size.
  ImageHeader header(std::span<const uint8_t> file, const std::string& name);
  /// Decodes to 1 channel (luma of colour files) or 3 (grey files: three equal channels). CMYK as Adobe stores it.
  void decode(std::span<const uint8_t> file, const std::string& name, int64_t channels, Image& image);

 private:
  struct Close {
    void operator()(void* handle) const;
  };
  struct Header : ImageHeader {
    bool cmyk = false;
  };

  [[noreturn]] void throw_decoder_error(const std::string& name);
  Header read_header(std::span<const uint8_t> file, const std::string& name);

  std::unique_ptr<void, Close> handle_;
  std::vector<uint8_t> interleaved_;
};

/// The same for PNG files: any colour type and depth. Alpha is dropped (colours stay as stored), 16 bits are rounded to
/// 8, gamma is left alone.
ImageHeader png_header(std::span<const uint8_t> file, const std::string& name);
void decode_png(std::span<const uint8_t> file, const std::string& name, int64_t channels, Image& image);

/// Reads and decodes image files of either kind, told apart by their first bytes. Not for two threads at once.
class ImageFileDecoder {
 public:
  /// Throw UsageError naming the file when it is missing, damaged, or neither JPEG nor PNG.
  ImageHeader header(const std::string& path);
  void decode(const std::string& path, int64_t channels, Image& image);

 private:
  enum class Kind { kJpeg, kPng };
  Kind load(const std::string& path);

  JpegDecoder jpeg_;
  std::vector<uint8_t> file_;
};

/// Sets the extents and the size of the memory.
void shape_image(Image& image, int64_t channels, int64_t height, int64_t width);
/// Interleaved 8-bit RGB rows to channels x H x W: 3 channels, or 1 of luma (0.299 R + 0.587 G + 0.114 B, rounded).
void store_rgb(std::span<const uint8_t> interleaved, Image& image);

}  // namespace trainer
