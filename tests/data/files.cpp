#include "data/files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "data/memory_dataset.h"

namespace trainer::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "trainer-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("no folder for the test's files");
  }
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  // Some file systems wait for the disk when a file is truncated and written again, but not for a new file.
  std::filesystem::remove(path);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    throw std::runtime_error(path.string() + " cannot be written");
  }
}

Bytes gzipped(const Bytes& bytes) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes idx(const std::vector<uint32_t>& extents, const Bytes& values) {
  Bytes bytes = {0, 0, 8, static_cast<uint8_t>(extents.size())};
  for (const uint32_t extent : extents) {
    for (const int shift : {24, 16, 8, 0}) {
      bytes.push_back(static_cast<uint8_t>(extent >> static_cast<unsigned>(shift)));
    }
  }
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

Bytes npy_with_header(const std::string& header, const Bytes& values) {
  std::string start = "\x93NUMPY\x01";
  start += '\0';
  start += static_cast<char>(header.size() & 0xFFU);
  start += static_cast<char>(header.size() >> 8U);
  start += header;
  Bytes bytes(start.begin(), start.end());
  bytes.insert(bytes.end(), values.begin(), values.end());
  return bytes;
}

Bytes npy(const std::string& type, const std::string& shape, const Bytes& values) {
  // As NumPy writes it: padded so that values start at a multiple of 64.
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
  header.append((64 - (header.size() + 11) % 64) % 64, ' ');
  return npy_with_header(header + '\n', values);
}

Bytes png(int width, int height, const PngFormat& format, const Bytes& rows) {
  Bytes out;
  png_structp writer = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(writer);
  const auto append = [](png_structp from, png_bytep data, size_t size) {
    auto* to = static_cast<Bytes*>(png_get_io_ptr(from));
    to->insert(to->end(), data, data + size);
  };
  png_set_write_fn(writer, &out, append, nullptr);
  png_set_IHDR(writer, info, static_cast<uint32_t>(width), static_cast<uint32_t>(height), format.depth,
               format.colour_type, format.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (format.colour_type == PNG_COLOR_TYPE_PALETTE) {
    std::vector<png_color> colours;
    colours.reserve(size_t{1} << static_cast<unsigned>(format.depth));
    for (int i = 0; i < 1 << format.depth; ++i) {
      colours.push_back({static_cast<uint8_t>(i), static_cast<uint8_t>(2 * i), static_cast<uint8_t>(255 - i)});
    }
    png_set_PLTE(writer, info, colours.data(), static_cast<int>(colours.size()));
  }
  png_write_info(writer, info);
  const size_t row_size = png_get_rowbytes(writer, info);
  EXPECT_EQ(rows.size(), row_size * static_cast<size_t>(height));
  std::vector<uint8_t*> pointers;
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    pointers.push_back(const_cast<uint8_t*>(rows.data()) + y * row_size);
  }
  png_write_image(writer, pointers.data());
  png_write_end(writer, nullptr);
  png_destroy_write_struct(&writer, &info);
  return out;
}

Bytes grey_png(int width, int height, const Bytes& pixels) {
  return png(width, height, {.colour_type = PNG_COLOR_TYPE_GRAY}, pixels);
}

Bytes rgb_png(int width, int height, const Bytes& interleaved) {
  return png(width, height, {.colour_type = PNG_COLOR_TYPE_RGB}, interleaved);
}

Bytes jpeg(int width, int height, int channels, const Bytes& interleaved) {
  EXPECT_EQ(interleaved.size(), static_cast<size_t>(width * height * channels));
  const TJPF format = channels == 1 ? TJPF_GRAY : channels == 3 ? TJPF_RGB : TJPF_CMYK;
  tjhandle encoder = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder, interleaved.data(), width, 0, height, format, &data, &size,
                        channels == 1 ? TJSAMP_GRAY : TJSAMP_444, 100, TJFLAG_ACCURATEDCT),
            0);
  Bytes out(data, data + size);
  tjFree(data);
  tjDestroy(encoder);
  return out;
}

std::string usage_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_FALSE(message.empty());
    return message;
  }
  ADD_FAILURE() << "no UsageError";
  return "";
}

std::shared_ptr<const Dataset> counting_dataset(int64_t count, int64_t channels, int64_t height, int64_t width,
                                                int32_t classes) {
  ImageArray images{.count = count, .channels = channels, .height = height, .width = width, .pixels = {}};
  std::vector<int32_t> labels;
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(classes));
  for (int64_t i = 0; i < count; ++i) {
    labels.push_back(static_cast<int32_t>(i % classes));
    for (int64_t p = 0; p < images.image_size(); ++p) {
      images.pixels.push_back(static_cast<uint8_t>((7 * i + 3 * p) % 251));
    }
  }
  for (int32_t c = 0; c < classes; ++c) {
    names.push_back(fmt::format("class {}", c));
  }
  return std::make_shared<MemoryDataset>(std::move(images), std::move(labels), std::move(names));
}

}  // namespace trainer::test
