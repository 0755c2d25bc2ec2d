#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainer {

/// Images of one size, one after the other, channel-major (N x C x H x W bytes).
struct ImageArray {
  int64_t count = 0;
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;

  int64_t image_size() const { return channels * height * width; }
};

/// A data set whose images lie decoded in memory.
class MemoryDataset : public Dataset {
 public:
  /// One label for each image, each in 0 .. class_names.size()-1 (the readers check what files say).
  MemoryDataset(ImageArray images, std::vector<int32_t> labels, std::vector<std::string> class_names);

  int64_t size() const override { return images_.count; }
  int64_t channels() const override { return images_.channels; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  Image read(int64_t index) const override;
  void read_into(int64_t index, Image& image) const override;

 private:
  ImageArray images_;
  std::vector<int32_t> labels_;
  std::vector<std::string> class_names_;
};

/// Images and labels of one part as read, and the files they came from.
struct LabelledArray {
  ImageArray images;
  std::vector<int32_t> labels;
  std::string image_file;
  std::string label_file;
};

/// "0", "1", ... for the labels 0 .. largest. UsageError unless the training part holds two classes at least.
std::vector<std::string> numbered_classes(const LabelledArray& train);

/// Checks counts and that every label has a class. Throws UsageError naming the file and the image.
std::shared_ptr<const Dataset> make_memory_dataset(LabelledArray part, const std::vector<std::string>& class_names);

/// Checks that both parts hold images of one shape. Throws UsageError naming both files.
void check_same_shape(const LabelledArray& train, const LabelledArray& test);

}  // namespace trainer
