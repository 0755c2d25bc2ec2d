#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "data/input_file.h"
#include "data/memory_dataset.h"
#include "data/npy_header.h"
#include "data/reader.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLargestSide = 65535;

bool is_channels(uint64_t extent) { return extent == 1 || extent == 3; }

std::string describe(const std::vector<uint64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

void check_order(const NpyHeader& header, const std::string& file) {
  if (header.fortran_order && header.shape.size() > 1) {
    throw UsageError(fmt::format("{}: is stored in Fortran order: save numpy.ascontiguousarray of it", file));
  }
}

// H x W x C images, one after the other, become C x H x W.
void move_channels_first(ImageArray& images) {
  const int64_t plane = images.height * images.width;
  std::vector<uint8_t> planar(static_cast<size_t>(images.image_size()));
  for (int64_t n = 0; n < images.count; ++n) {
    uint8_t* image = images.pixels.data() + n * images.image_size();
    for (int64_t c = 0; c < images.channels; ++c) {
      for (int64_t p = 0; p < plane; ++p) {
        planar[static_cast<size_t>(c * plane + p)] = image[p * images.channels + c];
      }
    }
    std::copy(planar.begin(), planar.end(), image);
  }
}

ImageArray read_images(const fs::path& path) {
  InputFile file(path);
  const NpyHeader header = read_npy_header(file);
  if (header.kind != 'u' || header.item_size != 1) {
    throw UsageError(fmt::format("{}: holds values of type '{}{}': convert it with astype(numpy.uint8), 0 to 255",
                                 file.name(), header.kind, header.item_size));
  }
  check_order(header, file.name());
  const auto& shape = header.shape;
  const bool grey = shape.size() == 3;
  const bool channels_last = shape.size() == 4 && is_channels(shape[3]);
  const bool channels_first = shape.size() == 4 && !channels_last && is_channels(shape[1]);
  if (!grey && !channels_last && !channels_first) {
    throw UsageError(
        fmt::format("{}: has shape {}: images must be N x H x W, N x H x W x C or N x C x H x W with C of 1 or 3",
                    file.name(), describe(shape)));
  }
  ImageArray images;
  images.count = static_cast<int64_t>(shape[0]);
  images.channels = grey ? 1 : static_cast<int64_t>(channels_last ? shape[3] : shape[1]);
  const uint64_t height = shape[channels_first ? 2 : 1];
  const uint64_t width = shape[channels_first ? 3 : 2];
  const uint64_t size = stated_size({shape[0], static_cast<uint64_t>(images.channels), height, width}, file.name());
  if (height > kLargestSide || width > kLargestSide) {
    throw UsageError(fmt::format("{}: has shape {}: images may be {} pixels high and wide at most", file.name(),
                                 describe(shape), kLargestSide));
  }
  images.height = static_cast<int64_t>(height);
  images.width = static_cast<int64_t>(width);
  images.pixels = file.read_bytes(size);
  file.expect_end();
  if (channels_last && images.channels > 1) {
    move_channels_first(images);
  }
  return images;
}

std::vector<int32_t> read_labels(const fs::path& path) {
  InputFile file(path);
  const NpyHeader header = read_npy_header(file);
  const auto size = static_cast<uint64_t>(header.item_size);
  if ((header.kind != 'u' && header.kind != 'i') || (size & (size - 1)) != 0 || (size > 1 && header.order == '|')) {
    throw UsageError(
        fmt::format("{}: holds values of type '{}{}{}': labels must be integers, astype(numpy.int64) makes them",
                    file.name(), header.order, header.kind, header.item_size));
  }
  check_order(header, file.name());
  const auto& shape = header.shape;
  if (shape.empty() || shape.size() > 2 || (shape.size() == 2 && shape[1] != 1)) {
    throw UsageError(
        fmt::format("{}: has shape {}: labels must be N or N x 1 numbers of classes", file.name(), describe(shape)));
  }
  const auto bytes = file.read_bytes(stated_size({shape[0], size}, file.name()));
  file.expect_end();
  std::vector<int32_t> labels(static_cast<size_t>(shape[0]));
  for (size_t i = 0; i < labels.size(); ++i) {
    uint64_t value = 0;
    for (uint64_t b = 0; b < size; ++b) {
      const uint64_t place = header.order == '>' ? size - 1 - b : b;
      value |= uint64_t{bytes[i * size + b]} << (8 * place);
    }
    const bool negative = header.kind == 'i' && (value >> (8 * size - 1)) != 0;
    if (negative || value > INT32_MAX) {
      throw UsageError(fmt::format("{}: label of image {} is {}: labels must be the numbers of classes, from 0",
                                   file.name(), i, negative ? "negative" : "too large"));
    }
    labels[i] = static_cast<int32_t>(value);
  }
  return labels;
}

LabelledArray read_part(const fs::path& folder, const std::string& part) {
  const fs::path images = folder / (part + "-images.npy");
  const fs::path labels = folder / (part + "-labels.npy");
  for (const auto& path : {images, labels}) {
    if (!fs::is_regular_file(path)) {
      throw UsageError(fmt::format("{}: is missing: images and labels must both be there", path.string()));
    }
  }
  return {.images = read_images(images),
          .labels = read_labels(labels),
          .image_file = images.string(),
          .label_file = labels.string()};
}

}  // namespace

bool is_npy_folder(const fs::path& folder) {
  return fs::is_regular_file(folder / "train-images.npy") || fs::is_regular_file(folder / "train-labels.npy");
}

DatasetParts read_npy_folder(const fs::path& folder) {
  LabelledArray train = read_part(folder, "train");
  const auto names = numbered_classes(train);
  DatasetParts parts;
  if (fs::exists(folder / "test-images.npy") || fs::exists(folder / "test-labels.npy")) {
    LabelledArray test = read_part(folder, "test");
    check_same_shape(train, test);
    parts.test = make_memory_dataset(std::move(test), names);
  }
  parts.train = make_memory_dataset(std::move(train), names);
  return parts;
}

}  // namespace trainer
