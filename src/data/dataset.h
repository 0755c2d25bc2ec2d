#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trainer {

/// One decoded image: channels x height x width bytes, channel-major (CHW).
struct Image {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  std::vector<uint8_t> pixels;
};

/// Labelled images that can be read in any order, from any thread.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual int64_t size() const = 0;
  virtual int64_t channels() const = 0;
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int32_t label(int64_t index) const = 0;
  /// Decodes image `index`. Throws UsageError naming the file when it is damaged.
  virtual Image read(int64_t index) const = 0;
  /// The same into `image`, whose memory is reused where it is large enough: for readers of many images.
  virtual void read_into(int64_t index, Image& image) const { image = read(index); }
};

/// The two parts of a data set.
struct DataSplit {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
  int64_t height = 0;  ///< native size: every image's, or what images are resized to by default
  int64_t width = 0;
  std::vector<float> mean;  ///< per channel, of pixel/255, over a fixed sample of the training images
  std::vector<float> deviation;
};

struct DatasetEntry {
  std::string_view name;
  std::string_view summary;  ///< one line, for `trainer list`
};

/// The data sets known by name (fashion-mnist: Debian's dataset-fashion-mnist).
const std::vector<DatasetEntry>& dataset_list();

/// Opens `spec`: a name of dataset_list(), or a path: a folder with train/ and test/ holding one folder per class of
/// JPEG or PNG files (one folder per class alone is split 80/20 by a seeded shuffle), a folder of CIFAR-10 or CIFAR-100
/// binary files, of IDX files (gzipped or not), or of .npy pairs (train-images.npy, train-labels.npy, test-...).
/// A folder that only wraps one of these in a single sub-folder is looked into, once. docs/data.md has the formats.
/// Throws UsageError: what is missing, where it was looked for, what to do.
DataSplit open_dataset(const std::string& spec);

}  // namespace trainer
