#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "data/input_file.h"
#include "data/memory_dataset.h"
#include "data/reader.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSide = 32;
constexpr int64_t kImageSize = 3 * kSide * kSide;

// A record: label bytes, of which the last counts (CIFAR-100: coarse, fine), then 3x32x32 pixels, channel-major.
void append_records(const fs::path& path, int64_t label_bytes, size_t classes, LabelledArray& part) {
  const std::string name = path.string();
  std::vector<uint8_t> bytes;
  read_whole_file(name, bytes);
  const auto record = static_cast<size_t>(label_bytes + kImageSize);
  if (bytes.empty() || bytes.size() % record != 0) {
    throw UsageError(fmt::format("{}: holds {} bytes, not a whole number of records of {} bytes: get the file again",
                                 name, bytes.size(), record));
  }
  const size_t count = bytes.size() / record;
  part.images.pixels.reserve(part.images.pixels.size() + count * static_cast<size_t>(kImageSize));
  for (size_t i = 0; i < count; ++i) {
    const auto pixels = bytes.begin() + static_cast<int64_t>(i * record) + label_bytes;
    const uint8_t label = *(pixels - 1);
    if (label >= classes) {
      throw UsageError(fmt::format("{}: label {} of record {} is out of range (0 to {}): get the file again", name,
                                   label, i, classes - 1));
    }
    part.labels.push_back(label);
    part.images.pixels.insert(part.images.pixels.end(), pixels, pixels + kImageSize);
  }
  part.images.count += static_cast<int64_t>(count);
  part.image_file = part.label_file = name;
}

LabelledArray empty_part() {
  LabelledArray part;
  part.images.channels = 3;
  part.images.height = part.images.width = kSide;
  return part;
}

// One class name a line, or `standard` where the file is not there.
std::vector<std::string> class_names(const fs::path& path, std::vector<std::string> standard) {
  std::ifstream file(path);
  if (!file) {
    return standard;
  }
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) {
      names.push_back(line);
    }
  }
  if (names.size() != standard.size()) {
    throw UsageError(fmt::format("{}: names {} classes where there are {}: get the file again or remove it",
                                 path.string(), names.size(), standard.size()));
  }
  return names;
}

DatasetParts make_parts(LabelledArray train, LabelledArray test, const std::vector<std::string>& names) {
  return {.train = make_memory_dataset(std::move(train), names), .test = make_memory_dataset(std::move(test), names)};
}

void require_file(const fs::path& path) {
  if (!fs::is_regular_file(path)) {
    throw UsageError(fmt::format("{}: is missing: unpack the whole binary version of the data set", path.string()));
  }
}

fs::path training_file(const fs::path& folder, int number) { return folder / fmt::format("data_batch_{}.bin", number); }

}  // namespace

bool is_cifar10_folder(const fs::path& folder) {
  return fs::is_regular_file(training_file(folder, 1)) || fs::is_regular_file(folder / "test_batch.bin");
}

DatasetParts read_cifar10_folder(const fs::path& folder) {
  const auto names = class_names(folder / "batches.meta.txt", {"airplane", "automobile", "bird", "cat", "deer", "dog",
                                                               "frog", "horse", "ship", "truck"});
  constexpr int kFiles = 5;
  int last = 1;
  for (int number = 1; number <= kFiles; ++number) {
    last = fs::is_regular_file(training_file(folder, number)) ? number : last;
  }
  LabelledArray train = empty_part();
  for (int number = 1; number <= last; ++number) {
    require_file(training_file(folder, number));
    append_records(training_file(folder, number), 1, names.size(), train);
  }
  LabelledArray test = empty_part();
  require_file(folder / "test_batch.bin");
  append_records(folder / "test_batch.bin", 1, names.size(), test);
  return make_parts(std::move(train), std::move(test), names);
}

bool is_cifar100_folder(const fs::path& folder) {
  return fs::is_regular_file(folder / "train.bin") || fs::is_regular_file(folder / "test.bin");
}

DatasetParts read_cifar100_folder(const fs::path& folder) {
  constexpr int kClasses = 100;
  std::vector<std::string> numbers;
  numbers.reserve(kClasses);
  for (int label = 0; label < kClasses; ++label) {
    numbers.push_back(std::to_string(label));
  }
  const auto names = class_names(folder / "fine_label_names.txt", std::move(numbers));
  LabelledArray train = empty_part();
  LabelledArray test = empty_part();
  for (const auto& [file, part] : {std::pair("train.bin", &train), std::pair("test.bin", &test)}) {
    require_file(folder / file);
    append_records(folder / file, 2, names.size(), *part);
  }
  return make_parts(std::move(train), std::move(test), names);
}

}  // namespace trainer
