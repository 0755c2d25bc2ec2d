#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "data/input_file.h"
#include "data/memory_dataset.h"
#include "data/reader.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;

constexpr uint8_t kUnsignedByte = 0x08;
constexpr uint32_t kLargestSide = 65535;

// An IDX file: two zero bytes, the type of values, the number of extents, then big-endian 32-bit extents and the
// values.
template <size_t kExtents>
std::array<uint32_t, kExtents> read_header(InputFile& file) {
  std::array<uint8_t, 4> magic{};
  file.read(magic);
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != kUnsignedByte || magic[3] != kExtents) {
    throw UsageError(
        fmt::format("{}: is not an IDX file of bytes with {} extents (it starts with {:02x} {:02x} {:02x} {:02x}): "
                    "get the file again",
                    file.name(), kExtents, magic[0], magic[1], magic[2], magic[3]));
  }
  std::array<uint32_t, kExtents> extents{};
  for (uint32_t& extent : extents) {
    std::array<uint8_t, 4> bytes{};
    file.read(bytes);
    extent = uint32_t{bytes[0]} << 24U | uint32_t{bytes[1]} << 16U | uint32_t{bytes[2]} << 8U | bytes[3];
  }
  return extents;
}

ImageArray read_images(const fs::path& path) {
  InputFile file(path);
  const auto [count, height, width] = read_header<3>(file);
  const uint64_t size = stated_size({count, height, width}, file.name());
  if (height > kLargestSide || width > kLargestSide) {
    throw UsageError(
        fmt::format("{}: its header states images of {}x{}: get the file again", file.name(), height, width));
  }
  ImageArray images{.count = count, .channels = 1, .height = height, .width = width, .pixels = file.read_bytes(size)};
  file.expect_end();
  return images;
}

std::vector<int32_t> read_labels(const fs::path& path) {
  InputFile file(path);
  const auto [count] = read_header<1>(file);
  const auto bytes = file.read_bytes(stated_size({count}, file.name()));
  file.expect_end();
  return {bytes.begin(), bytes.end()};
}

// Some unpackers turn "-idx3-ubyte" into ".idx3-ubyte".
std::optional<fs::path> find(const fs::path& folder, const std::string& part, const std::string& kind) {
  for (const char* joint : {"-", "."}) {
    for (const char* ending : {"", ".gz"}) {
      const fs::path path = folder / fmt::format("{}{}{}{}", part, joint, kind, ending);
      if (fs::is_regular_file(path)) {
        return path;
      }
    }
  }
  return std::nullopt;
}

fs::path find_or_throw(const fs::path& folder, const std::string& part, const std::string& kind) {
  if (auto path = find(folder, part, kind)) {
    return *path;
  }
  throw UsageError(fmt::format("{}: has no {}-{} (or .gz): put the four IDX files of the data set there",
                               folder.string(), part, kind));
}

LabelledArray read_part(const fs::path& folder, const std::string& part) {
  const fs::path images = find_or_throw(folder, part + "-images", "idx3-ubyte");
  const fs::path labels = find_or_throw(folder, part + "-labels", "idx1-ubyte");
  return {.images = read_images(images),
          .labels = read_labels(labels),
          .image_file = images.string(),
          .label_file = labels.string()};
}

DatasetParts read_parts(const fs::path& folder, const std::vector<std::string>* class_names) {
  LabelledArray train = read_part(folder, "train");
  LabelledArray test = read_part(folder, "t10k");
  check_same_shape(train, test);
  const auto names = class_names != nullptr ? *class_names : numbered_classes(train);
  return {.train = make_memory_dataset(std::move(train), names), .test = make_memory_dataset(std::move(test), names)};
}

}  // namespace

bool is_idx_folder(const fs::path& folder) {
  return find(folder, "train-images", "idx3-ubyte").has_value() ||
         find(folder, "train-labels", "idx1-ubyte").has_value();
}

DatasetParts read_idx_folder(const fs::path& folder) { return read_parts(folder, nullptr); }

DatasetParts read_idx_folder(const fs::path& folder, const std::vector<std::string>& class_names) {
  return read_parts(folder, &class_names);
}

}  // namespace trainer
