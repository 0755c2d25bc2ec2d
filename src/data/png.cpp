#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "base/error.h"
#include "data/decode.h"

namespace trainer {
namespace {

struct Source {
  std::span<const uint8_t> file;
  size_t at = 0;
  char message[96] = "";
};

void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof source->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp /*png*/, png_const_charp /*message*/) {}  // chunks that do not change the pixels

void on_read(png_structp png, png_bytep to, size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->file.size() - source->at) {
    png_error(png, "it ends too early");
  }
  std::memcpy(to, source->file.data() + source->at, count);
  source->at += count;
}

class Reader {
 public:
  Reader(std::span<const uint8_t> file, const std::string& name) : source_{.file = file}, name_(name) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, on_error, on_warning);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw SystemFailure("the PNG decoder cannot start: free some memory");
    }
    png_set_read_fn(png_, &source_, on_read);
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  ImageHeader read_header() {
    if (!start()) {
      throw_damaged(source_.message);
    }
    const int64_t height = png_get_image_height(png_, info_);
    const int64_t width = png_get_image_width(png_, info_);
    // Deflate shrinks bytes by a factor of 1032 at most.
    const uint64_t raw = uint64_t{png_get_rowbytes(png_, info_)} * static_cast<uint64_t>(height);
    if (width * height > kMostPixels || raw / 1032 > source_.file.size()) {
      throw_damaged(fmt::format("{} bytes cannot hold {}x{} pixels", source_.file.size(), width, height));
    }
    const auto colours = png_get_color_type(png_, info_);
    return {.height = height,
            .width = width,
            .grey = colours == PNG_COLOR_TYPE_GRAY || colours == PNG_COLOR_TYPE_GRAY_ALPHA};
  }

  /// After read_header(): 8-bit grey or RGB rows.
  void read_rows(const ImageHeader& header, uint8_t* to) {
    const int64_t row_size = header.width * (header.grey ? 1 : 3);
    std::vector<uint8_t*> rows(static_cast<size_t>(header.height));
    for (size_t y = 0; y < rows.size(); ++y) {
      rows[y] = to + static_cast<int64_t>(y) * row_size;
    }
    if (!decode(static_cast<size_t>(row_size), rows.data())) {
      throw_damaged(source_.message);
    }
  }

 private:
  [[noreturn]] void throw_damaged(const std::string& what) const {
    throw UsageError(fmt::format("{}: damaged PNG image ({}): remove it or save it again", name_, what));
  }

  // libpng reports errors by longjmp, so these two own nothing that would need a destructor.
  bool start() {
    if (setjmp(png_jmpbuf(png_)) != 0) {  // NOLINT(cert-err52-cpp)
      return false;
    }
    png_set_user_limits(png_, 65535, 65535);
    png_read_info(png_, info_);
    return true;
  }

  bool decode(size_t row_size, uint8_t** rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) {  // NOLINT(cert-err52-cpp)
      return false;
    }
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_scale_16(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != row_size) {
      png_error(png_, "its colour type is not known");
    }
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

  Source source_;
  const std::string& name_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

ImageHeader png_header(std::span<const uint8_t> file, const std::string& name) {
  return Reader(file, name).read_header();
}

void decode_png(std::span<const uint8_t> file, const std::string& name, int64_t channels, Image& image) {
  Reader reader(file, name);
  const ImageHeader header = reader.read_header();
  shape_image(image, channels, header.height, header.width);
  if (!header.grey) {
    std::vector<uint8_t> rgb(static_cast<size_t>(3 * header.height * header.width));
    reader.read_rows(header, rgb.data());
    store_rgb(rgb, image);
    return;
  }
  reader.read_rows(header, image.pixels.data());
  const int64_t plane = header.height * header.width;
  for (int64_t c = 1; c < channels; ++c) {
    std::copy_n(image.pixels.begin(), plane, image.pixels.begin() + c * plane);
  }
}

}  // namespace trainer
