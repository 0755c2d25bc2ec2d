#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/decode.h"

namespace trainer {

/// One image file below a folder of class folders.
struct ImageFile {
  std::string name;  ///< within its class's folder
  int32_t label = 0;
};

/// Image files of any sizes, decoded when read, from any thread.
///
/// Decoded images are kept when all of them together (judged by the first) take less than `memory` bytes, so that only
/// the first epoch decodes; whatever their sizes turn out to be, no more than `memory` is ever kept.
class ImageFolder : public Dataset {
 public:
  static constexpr int64_t kMemory = int64_t{1} << 30U;

  /// Class c's files lie in root/class_folders[c]; `channels` is 1 or 3. `files` must not be empty.
  ImageFolder(std::string root, std::vector<std::string> class_folders, std::vector<ImageFile> files, int64_t channels,
              int64_t memory = kMemory);
  ~ImageFolder() override;

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t channels() const override { return channels_; }
  const std::vector<std::string>& class_names() const override { return class_folders_; }
  int32_t label(int64_t index) const override { return files_[static_cast<size_t>(index)].label; }
  Image read(int64_t index) const override;
  void read_into(int64_t index, Image& image) const override;

  std::string path(int64_t index) const;
  /// Bytes of decoded images kept now.
  int64_t kept_bytes() const;

 private:
  class Cache;
  class Decoders;

  std::string root_;
  std::vector<std::string> class_folders_;
  std::vector<ImageFile> files_;
  int64_t channels_;
  std::unique_ptr<Decoders> decoders_;
  std::unique_ptr<Cache> cache_;  // null: the set is too large
};

/// 1 when the headers of up to 64 files, evenly spaced, all say grey, else 3.
int64_t channels_of(const std::string& root, const std::vector<std::string>& class_folders,
                    const std::vector<ImageFile>& files);

}  // namespace trainer
