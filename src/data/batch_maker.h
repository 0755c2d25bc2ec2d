#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "data/resize.h"

namespace trainer {

/// Makes batches of one data set; each decoding thread has its own.
class BatchMaker {
 public:
  /// `dataset` and `options` must outlive it; in `options`, height, width, mean and deviation must be given.
  BatchMaker(const Dataset& dataset, const LoaderOptions& options);

  /// Fills `batch`, whose tensor has the batch's shape, with these images; the places of the tensor past them become
  /// zero. Returns false, leaving the batch half made, once `cancelled` is set. Throws what reading an image throws.
  bool make(int64_t epoch, std::span<const uint32_t> indices, const std::atomic<bool>& cancelled, Batch& batch);

 private:
  void read_one(int64_t epoch, uint32_t index, std::span<uint8_t> to);
  void store(int64_t images, Tensor& tensor) const;

  const Dataset& dataset_;
  const LoaderOptions& options_;
  int64_t image_size_;
  int64_t row_size_;             // bytes from one image of pixels_ to the next
  std::vector<float> values_;    // of channel c and byte b: values_[256 c + b]
  std::vector<uint8_t> pixels_;  // the batch as bytes, image by image
  Image image_;
  Image resized_;
  Resizer resizer_;
};

}  // namespace trainer
