#include "data/image_folder.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace trainer {

// Decoders own work memory, so a reader borrows one; there are never more than threads reading at once.
class ImageFolder::Decoders {
 public:
  std::unique_ptr<ImageFileDecoder> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      return std::make_unique<ImageFileDecoder>();
    }
    auto decoder = std::move(idle_.back());
    idle_.pop_back();
    return decoder;
  }

  void give_back(std::unique_ptr<ImageFileDecoder> decoder) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(decoder));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<ImageFileDecoder>> idle_;
};

class ImageFolder::Cache {
 public:
  Cache(size_t images, int64_t memory) : images_(images), states_(images), memory_(memory) {}

  bool get(int64_t index, Image& image) const {
    const auto i = static_cast<size_t>(index);
    if (states_[i].load(std::memory_order_acquire) != kReady) {
      return false;
    }
    image = images_[i];
    return true;
  }

  void put(int64_t index, const Image& image) {
    const auto i = static_cast<size_t>(index);
    const auto bytes = static_cast<int64_t>(image.pixels.size());
    uint8_t expected = kEmpty;
    if (!states_[i].compare_exchange_strong(expected, kTaken)) {
      return;  // another thread is keeping the same image
    }
    if (kept_.fetch_add(bytes) + bytes > memory_) {
      kept_.fetch_sub(bytes);
      states_[i].store(kEmpty);
      return;
    }
    images_[i] = image;
    states_[i].store(kReady, std::memory_order_release);
  }

  int64_t kept_bytes() const { return kept_.load(); }

 private:
  static constexpr uint8_t kEmpty = 0;
  static constexpr uint8_t kTaken = 1;
  static constexpr uint8_t kReady = 2;

  std::vector<Image> images_;
  std::vector<std::atomic<uint8_t>> states_;
  int64_t memory_;
  std::atomic<int64_t> kept_ = 0;
};

ImageFolder::ImageFolder(std::string root, std::vector<std::string> class_folders, std::vector<ImageFile> files,
                         int64_t channels, int64_t memory)
    : root_(std::move(root)),
      class_folders_(std::move(class_folders)),
      files_(std::move(files)),
      channels_(channels),
      decoders_(std::make_unique<Decoders>()) {
  assert(!files_.empty());
  const ImageHeader first = ImageFileDecoder().header(path(0));
  if (channels_ * first.height * first.width < memory / static_cast<int64_t>(files_.size())) {
    cache_ = std::make_unique<Cache>(files_.size(), memory);
  }
}

ImageFolder::~ImageFolder() = default;

std::string ImageFolder::path(int64_t index) const {
  const ImageFile& file = files_[static_cast<size_t>(index)];
  return root_ + '/' + class_folders_[static_cast<size_t>(file.label)] + '/' + file.name;
}

Image ImageFolder::read(int64_t index) const {
  Image image;
  read_into(index, image);
  return image;
}

void ImageFolder::read_into(int64_t index, Image& image) const {
  if (cache_ && cache_->get(index, image)) {
    return;
  }
  auto decoder = decoders_->take();
  decoder->decode(path(index), channels_, image);
  decoders_->give_back(std::move(decoder));
  if (cache_) {
    cache_->put(index, image);
  }
}

int64_t ImageFolder::kept_bytes() const { return cache_ ? cache_->kept_bytes() : 0; }

int64_t channels_of(const std::string& root, const std::vector<std::string>& class_folders,
                    const std::vector<ImageFile>& files) {
  constexpr size_t kSample = 64;
  ImageFileDecoder decoder;
  const size_t sample = std::min(kSample, files.size());
  for (size_t i = 0; i < sample; ++i) {
    const ImageFile& file = files[i * files.size() / sample];
    if (!decoder.header(root + '/' + class_folders[static_cast<size_t>(file.label)] + '/' + file.name).grey) {
      return 3;
    }
  }
  return 1;
}

}  // namespace trainer
