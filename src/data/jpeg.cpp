#include <fmt/format.h>
#include <turbojpeg.h>

#include "base/error.h"
#include "data/decode.h"

namespace trainer {
namespace {

[[noreturn]] void throw_damaged(const std::string& name, const std::string& what) {
  throw UsageError(fmt::format("{}: damaged JPEG image ({}): remove it or save it again", name, what));
}

void* new_handle() {
  void* handle = tjInitDecompress();
  if (handle == nullptr) {
    throw SystemFailure("the JPEG decoder cannot start: free some memory");
  }
  return handle;
}

}  // namespace

void JpegDecoder::Close::operator()(void* handle) const { tjDestroy(handle); }

JpegDecoder::JpegDecoder() : handle_(new_handle()) {}

void JpegDecoder::throw_decoder_error(const std::string& name) {
  const std::string what = tjGetErrorStr2(handle_.get());
  // A header that fails leaves the library in the middle of it, and the next image would be taken for its rest.
  handle_.reset(new_handle());
  throw_damaged(name, what);
}

JpegDecoder::Header JpegDecoder::read_header(std::span<const uint8_t> file, const std::string& name) {
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(handle_.get(), file.data(), file.size(), &width, &height, &subsampling, &colours) != 0) {
    throw_decoder_error(name);
  }
  // Every 8x8 block takes at least a bit of some scan, so a file cannot hold more pixels than 512 times its bytes;
  // twice that leaves room for arithmetic coding.
  constexpr int64_t kMostPixelsPerByte = 1024;
  const int64_t pixels = int64_t{width} * height;
  if (pixels > kMostPixels || pixels > kMostPixelsPerByte * static_cast<int64_t>(file.size())) {
    throw_damaged(name, fmt::format("{} bytes cannot hold {}x{} pixels", file.size(), width, height));
  }
  Header header;
  header.height = height;
  header.width = width;
  header.grey = colours == TJCS_GRAY;
  header.cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
  return header;
}

ImageHeader JpegDecoder::header(std::span<const uint8_t> file, const std::string& name) {
  return read_header(file, name);
}

void JpegDecoder::decode(std::span<const uint8_t> file, const std::string& name, int64_t channels, Image& image) {
  const Header header = read_header(file, name);
  const auto width = static_cast<int>(header.width);
  const auto height = static_cast<int>(header.height);
  const auto pixels = static_cast<size_t>(header.width * header.height);
  const auto decompress = [&](uint8_t* to, TJPF format) {
    // A warning means that part of the picture is invented, so it counts as damage.
    constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    if (tjDecompress2(handle_.get(), file.data(), file.size(), to, width, 0, height, format, kFlags) != 0) {
      throw_decoder_error(name);
    }
  };
  shape_image(image, channels, header.height, header.width);
  if (header.cmyk) {
    interleaved_.resize(4 * pixels);
    decompress(interleaved_.data(), TJPF_CMYK);
    for (size_t p = 0; p < pixels; ++p) {
      // Adobe's programs store 255 - ink, so each value is already what the ink leaves of the light.
      const uint32_t black = interleaved_[4 * p + 3];
      for (size_t c = 0; c < 3; ++c) {
        interleaved_[3 * p + c] = static_cast<uint8_t>((interleaved_[4 * p + c] * black + 127U) / 255U);
      }
    }
    store_rgb(interleaved_, image);
  } else if (channels == 1) {
    decompress(image.pixels.data(), TJPF_GRAY);
  } else {
    interleaved_.resize(3 * pixels);
    decompress(interleaved_.data(), TJPF_RGB);
    store_rgb(interleaved_, image);
  }
}

}  // namespace trainer
