#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "data/named.h"
#include "data/reader.h"
#include "data/statistics.h"
#include "data/subset.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;

const std::vector<NamedDataset>& named_datasets() {
  static const std::vector<NamedDataset> datasets = {
      {.entry = {.name = "fashion-mnist",
                 .summary = "60,000 + 10,000 grey 28x28 images of clothes, 10 classes (package dataset-fashion-mnist)"},
       .folder = "/usr/share/datasets/fashion-mnist",
       .package = "dataset-fashion-mnist",
       .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                       "Ankle boot"}},
  };
  return datasets;
}

struct Format {
  bool (*recognises)(const fs::path& folder);
  DatasetParts (*read)(const fs::path& folder);
  const char* wanted;  ///< what a folder of this format holds, for messages
};

// The first that recognises a folder reads it.
constexpr std::array<Format, 5> kFormats = {{
    {is_cifar10_folder, read_cifar10_folder, "data_batch_1.bin and test_batch.bin"},
    {is_cifar100_folder, read_cifar100_folder, "train.bin and test.bin"},
    {is_idx_folder, [](const fs::path& folder) { return read_idx_folder(folder); }, "train-images-idx3-ubyte"},
    {is_npy_folder, read_npy_folder, "train-images.npy"},
    {is_image_folder, read_image_folder, "train/ and test/ of image folders, or one folder of images per class"},
}};

const Format* format_of(const fs::path& folder) {
  const auto* format = std::find_if(kFormats.begin(), kFormats.end(),
                                    [&](const Format& candidate) { return candidate.recognises(folder); });
  return format == kFormats.end() ? nullptr : format;
}

// The only sub-folder of a folder, or an empty path.
fs::path only_subfolder(const fs::path& folder) {
  fs::path only;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) {
      if (!only.empty()) {
        return {};
      }
      only = entry.path();
    }
  }
  return only;
}

std::string known_names() {
  std::vector<std::string_view> names;
  for (const DatasetEntry& entry : dataset_list()) {
    names.push_back(entry.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

DatasetParts read_folder(const std::string& spec) {
  // "data/" and "data" are the same folder; messages should not hold "//".
  const fs::path folder = (fs::path(spec) / "").parent_path();
  if (!fs::exists(folder)) {
    throw UsageError(
        fmt::format("{}: is neither a data set's name ({}) nor a folder: check the spelling", spec, known_names()));
  }
  if (!fs::is_directory(folder)) {
    throw UsageError(fmt::format("{}: is a file: unpack it and give the folder", spec));
  }
  if (const Format* format = format_of(folder)) {
    return format->read(folder);
  }
  const fs::path inner = only_subfolder(folder);
  const Format* format = inner.empty() ? nullptr : format_of(inner);
  if (format == nullptr) {
    std::vector<std::string_view> wanted;
    std::transform(kFormats.begin(), kFormats.end(), std::back_inserter(wanted),
                   [](const Format& f) { return f.wanted; });
    throw UsageError(
        fmt::format("{}: holds no data set that is known: put there {}", folder.string(), fmt::join(wanted, "; or ")));
  }
  return format->read(inner);
}

DatasetParts read_parts(const std::string& spec) {
  const auto& datasets = named_datasets();
  const auto named =
      std::find_if(datasets.begin(), datasets.end(), [&](const auto& d) { return d.entry.name == spec; });
  if (named != datasets.end()) {
    return read_named(*named);
  }
  try {
    return read_folder(spec);
  } catch (const fs::filesystem_error& error) {
    throw UsageError(
        fmt::format("{}: cannot be read ({}): check its permissions", error.path1().string(), error.code().message()));
  }
}

}  // namespace

DatasetParts read_named(const NamedDataset& dataset) {
  if (!fs::is_directory(dataset.folder)) {
    throw UsageError(fmt::format("{}: the data set {} is not installed: run `apt-get install {}`", dataset.folder,
                                 dataset.entry.name, dataset.package));
  }
  return read_idx_folder(dataset.folder, dataset.class_names);
}

const std::vector<DatasetEntry>& dataset_list() {
  static const std::vector<DatasetEntry> entries = [] {
    std::vector<DatasetEntry> list;
    for (const NamedDataset& dataset : named_datasets()) {
      list.push_back(dataset.entry);
    }
    return list;
  }();
  return entries;
}

DataSplit open_dataset(const std::string& spec) {
  DatasetParts parts = read_parts(spec);
  if (!parts.test) {
    parts = split_by_class(parts.train, spec);
  }
  const Image first = parts.train->read(0);
  ChannelStatistics statistics = channel_statistics(*parts.train);
  return {.train = std::move(parts.train),
          .test = std::move(parts.test),
          .height = first.height,
          .width = first.width,
          .mean = std::move(statistics.mean),
          .deviation = std::move(statistics.deviation)};
}

}  // namespace trainer
