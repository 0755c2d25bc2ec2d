#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "base/error.h"
#include "data/image_folder.h"
#include "data/reader.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_image_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

// In order of names: the order in which a file system lists them must not matter.
std::vector<std::string> image_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_hidden(entry.path()) && is_image_name(entry.path()) && entry.is_regular_file()) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool holds_images(const fs::path& folder) {
  return std::any_of(fs::directory_iterator(folder), fs::directory_iterator(), [](const auto& entry) {
    return !is_hidden(entry.path()) && is_image_name(entry.path()) && entry.is_regular_file();
  });
}

std::vector<std::string> folder_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!is_hidden(entry.path()) && entry.is_directory()) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<fs::path> test_folder(const fs::path& folder) {
  for (const char* name : {"test", "val"}) {
    if (fs::is_directory(folder / name)) {
      return folder / name;
    }
  }
  return std::nullopt;
}

std::vector<std::string> class_folders(const fs::path& folder) {
  auto names = folder_names(folder);
  if (names.size() < 2) {
    throw UsageError(
        fmt::format("{}: holds {} class folder(s): put the images of each class into a folder of its own, two "
                    "classes at least",
                    folder.string(), names.size()));
  }
  return names;
}

std::vector<ImageFile> image_files(const fs::path& folder, const std::vector<std::string>& classes) {
  std::vector<ImageFile> files;
  for (const std::string& name : folder_names(folder)) {
    const auto place = std::find(classes.begin(), classes.end(), name);
    if (place == classes.end()) {
      throw UsageError(fmt::format("{}: is a class that the training part does not have: add it there or remove it",
                                   (folder / name).string()));
    }
    auto images = image_names(folder / name);
    if (images.empty()) {
      throw UsageError(fmt::format("{}: holds no images (.jpg, .jpeg, .png): add some or remove the folder",
                                   (folder / name).string()));
    }
    for (std::string& image : images) {
      files.push_back({.name = std::move(image), .label = static_cast<int32_t>(place - classes.begin())});
    }
  }
  if (files.empty()) {
    throw UsageError(fmt::format("{}: holds no images: put them into a folder for each class", folder.string()));
  }
  return files;
}

}  // namespace

bool is_image_folder(const fs::path& folder) {
  if (fs::is_directory(folder / "train") || test_folder(folder)) {
    return true;
  }
  const auto names = folder_names(folder);
  return std::any_of(names.begin(), names.end(), [&](const auto& name) { return holds_images(folder / name); });
}

DatasetParts read_image_folder(const fs::path& folder) {
  const auto test = test_folder(folder);
  const fs::path train = folder / "train";
  if (!fs::is_directory(train)) {
    if (test) {
      throw UsageError(fmt::format("{}: is missing beside {}: put the training images there", train.string(),
                                   test->filename().string()));
    }
    auto classes = class_folders(folder);
    auto files = image_files(folder, classes);
    const int64_t channels = channels_of(folder.string(), classes, files);
    return {.train = std::make_shared<ImageFolder>(folder.string(), std::move(classes), std::move(files), channels),
            .test = nullptr};
  }
  if (!test) {
    throw UsageError(fmt::format("{}: has train but no test (or val): add it, or give {} to have that split 80/20",
                                 folder.string(), train.string()));
  }
  const auto classes = class_folders(train);
  auto train_files = image_files(train, classes);
  auto test_files = image_files(*test, classes);
  const int64_t channels = channels_of(train.string(), classes, train_files);
  return {.train = std::make_shared<ImageFolder>(train.string(), classes, std::move(train_files), channels),
          .test = std::make_shared<ImageFolder>(test->string(), classes, std::move(test_files), channels)};
}

}  // namespace trainer
