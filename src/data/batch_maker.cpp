#include "data/batch_maker.h"

#include <algorithm>

#include "data/augment.h"

namespace trainer {
namespace {

constexpr int64_t kBytes = 256;
constexpr int64_t kLine = 64;

}  // namespace

BatchMaker::BatchMaker(const Dataset& dataset, const LoaderOptions& options)
    : dataset_(dataset),
      options_(options),
      image_size_(dataset.channels() * options.height * options.width),
      // An odd number of cache lines, so that the same pixel of many images does not fall into few cache sets.
      row_size_(((image_size_ + kLine - 1) / kLine | 1) * kLine),
      values_(static_cast<size_t>(dataset.channels() * kBytes)),
      pixels_(static_cast<size_t>(options.batch * row_size_)) {
  for (int64_t c = 0; c < dataset.channels(); ++c) {
    const auto channel = static_cast<size_t>(c);
    for (int64_t b = 0; b < kBytes; ++b) {
      values_[static_cast<size_t>(c * kBytes + b)] =
          (static_cast<float>(b) / 255.0F - options.mean[channel]) / options.deviation[channel];
    }
  }
}

bool BatchMaker::make(int64_t epoch, std::span<const uint32_t> indices, const std::atomic<bool>& cancelled,
                      Batch& batch) {
  batch.labels.clear();
  int64_t n = 0;
  for (const uint32_t index : indices) {
    if (cancelled.load(std::memory_order_relaxed)) {
      return false;
    }
    read_one(epoch, index,
             std::span(pixels_).subspan(static_cast<size_t>(n * row_size_), static_cast<size_t>(image_size_)));
    batch.labels.push_back(dataset_.label(index));
    ++n;
  }
  store(n, batch.images);
  return true;
}

void BatchMaker::read_one(int64_t epoch, uint32_t index, std::span<uint8_t> to) {
  dataset_.read_into(index, image_);
  const Image* image = &image_;
  if (image_.height != options_.height || image_.width != options_.width) {
    resizer_.resize(image_, options_.height, options_.width, resized_);
    image = &resized_;
  }
  if (options_.augment) {
    place(*image, draw_placement(options_.seed, epoch, index, options_.crop_padding, options_.flip), to);
  } else {
    std::copy(image->pixels.begin(), image->pixels.end(), to.begin());
  }
}

// From N x (C H W) bytes to (C H W) x N values. A cache line of pixels of each of 64 images stays in the first-level
// cache while it is read crosswise.
void BatchMaker::store(int64_t images, Tensor& tensor) const {
  const int64_t batch = options_.batch;
  const int64_t plane = options_.height * options_.width;
  for (int64_t n_begin = 0; n_begin < images; n_begin += kLine) {
    const int64_t n_end = std::min(images, n_begin + kLine);
    for (int64_t p = 0; p < image_size_; ++p) {
      const float* value = values_.data() + p / plane * kBytes;
      const uint8_t* pixel = pixels_.data() + p;
      float* out = tensor.data() + p * batch;
      for (int64_t n = n_begin; n < n_end; ++n) {
        out[n] = value[pixel[n * row_size_]];
      }
    }
  }
  if (images < batch) {
    for (int64_t p = 0; p < image_size_; ++p) {
      std::fill(tensor.data() + p * batch + images, tensor.data() + (p + 1) * batch, 0.0F);
    }
  }
}

}  // namespace trainer
