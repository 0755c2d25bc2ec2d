#include "data/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/input_file.h"

namespace trainer {
namespace {

bool starts_with(std::span<const uint8_t> file, std::span<const uint8_t> signature) {
  return file.size() >= signature.size() && std::equal(signature.begin(), signature.end(), file.begin());
}

}  // namespace

void shape_image(Image& image, int64_t channels, int64_t height, int64_t width) {
  image.channels = channels;
  image.height = height;
  image.width = width;
  image.pixels.resize(static_cast<size_t>(channels * height * width));
}

void store_rgb(std::span<const uint8_t> interleaved, Image& image) {
  const auto plane = static_cast<size_t>(image.height * image.width);
  uint8_t* out = image.pixels.data();
  if (image.channels == 1) {
    for (size_t p = 0; p < plane; ++p) {
      const uint8_t* rgb = &interleaved[3 * p];
      out[p] = static_cast<uint8_t>((299U * rgb[0] + 587U * rgb[1] + 114U * rgb[2] + 500U) / 1000U);
    }
    return;
  }
  for (size_t p = 0; p < plane; ++p) {
    out[p] = interleaved[3 * p];
    out[plane + p] = interleaved[3 * p + 1];
    out[2 * plane + p] = interleaved[3 * p + 2];
  }
}

ImageFileDecoder::Kind ImageFileDecoder::load(const std::string& path) {
  constexpr std::array<uint8_t, 3> kJpegSignature = {0xFF, 0xD8, 0xFF};
  constexpr std::array<uint8_t, 4> kPngSignature = {0x89, 'P', 'N', 'G'};
  read_whole_file(path, file_);
  if (starts_with(file_, kJpegSignature)) {
    return Kind::kJpeg;
  }
  if (starts_with(file_, kPngSignature)) {
    return Kind::kPng;
  }
  throw UsageError(fmt::format("{}: is neither a JPEG nor a PNG image: remove it or convert it", path));
}

ImageHeader ImageFileDecoder::header(const std::string& path) {
  return load(path) == Kind::kJpeg ? jpeg_.header(file_, path) : png_header(file_, path);
}

void ImageFileDecoder::decode(const std::string& path, int64_t channels, Image& image) {
  if (load(path) == Kind::kJpeg) {
    jpeg_.decode(file_, path, channels, image);
  } else {
    decode_png(file_, path, channels, image);
  }
}

}  // namespace trainer
