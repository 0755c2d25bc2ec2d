#include "data/memory_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"

namespace trainer {

MemoryDataset::MemoryDataset(ImageArray images, std::vector<int32_t> labels, std::vector<std::string> class_names)
    : images_(std::move(images)), labels_(std::move(labels)), class_names_(std::move(class_names)) {
  assert(images_.pixels.size() == static_cast<size_t>(images_.count * images_.image_size()));
  assert(labels_.size() == static_cast<size_t>(images_.count));
}

Image MemoryDataset::read(int64_t index) const {
  Image image;
  read_into(index, image);
  return image;
}

void MemoryDataset::read_into(int64_t index, Image& image) const {
  assert(index >= 0 && index < images_.count);
  image.channels = images_.channels;
  image.height = images_.height;
  image.width = images_.width;
  const auto begin = images_.pixels.begin() + index * images_.image_size();
  image.pixels.assign(begin, begin + images_.image_size());
}

std::vector<std::string> numbered_classes(const LabelledArray& train) {
  constexpr int32_t kMostClasses = 65536;  // a damaged label must not ask for millions of class names
  const int32_t largest = train.labels.empty() ? 0 : *std::max_element(train.labels.begin(), train.labels.end());
  if (largest < 1) {
    throw UsageError(fmt::format("{}: holds one class only: labels must be numbers from 0 with two classes at least",
                                 train.label_file));
  }
  if (largest >= kMostClasses) {
    throw UsageError(fmt::format("{}: holds the label {}: labels must be the numbers of classes, from 0 and below {}",
                                 train.label_file, largest, kMostClasses));
  }
  std::vector<std::string> names;
  for (int32_t label = 0; label <= largest; ++label) {
    names.push_back(std::to_string(label));
  }
  return names;
}

std::shared_ptr<const Dataset> make_memory_dataset(LabelledArray part, const std::vector<std::string>& class_names) {
  if (part.images.count == 0) {
    throw UsageError(fmt::format("{}: holds no images: get the file again", part.image_file));
  }
  if (part.labels.size() != static_cast<size_t>(part.images.count)) {
    throw UsageError(fmt::format("{}: holds {} labels for the {} images of {}: both files must come from one data set",
                                 part.label_file, part.labels.size(), part.images.count, part.image_file));
  }
  for (size_t i = 0; i < part.labels.size(); ++i) {
    if (part.labels[i] < 0 || static_cast<size_t>(part.labels[i]) >= class_names.size()) {
      throw UsageError(fmt::format("{}: label {} of image {} is out of range: the training part has classes 0 to {}",
                                   part.label_file, part.labels[i], i, class_names.size() - 1));
    }
  }
  return std::make_shared<MemoryDataset>(std::move(part.images), std::move(part.labels), class_names);
}

void check_same_shape(const LabelledArray& train, const LabelledArray& test) {
  const ImageArray& a = train.images;
  const ImageArray& b = test.images;
  if (a.channels != b.channels || a.height != b.height || a.width != b.width) {
    throw UsageError(fmt::format("{}: holds images of {}x{}x{} (C x H x W) but {} holds {}x{}x{}: make them equal",
                                 test.image_file, b.channels, b.height, b.width, train.image_file, a.channels, a.height,
                                 a.width));
  }
}

}  // namespace trainer
