#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "tensor/tensor.h"

namespace trainer {

/// How images become batches.
struct LoaderOptions {
  int64_t batch = 64;
  int64_t height = 0;  ///< images of another size are resized to this (see data/resize.h); 0: the size of image 0
  int64_t width = 0;
  std::vector<float> mean = {};  ///< per channel: value = (pixel/255 - mean) / deviation; both empty: value = pixel/255
  std::vector<float> deviation = {};
  bool augment = false;  ///< random crop (crop_padding black pixels around) and horizontal flip, see data/augment.h
  int64_t crop_padding = 4;
  bool flip = true;
  bool shuffle = false;    ///< by (seed, epoch)
  bool drop_last = false;  ///< leave out a last batch that is not full
  uint64_t seed = 1;
  int workers = 1;  ///< decoding threads ahead of the step
};

struct Batch {
  Tensor images;                ///< batch x C x height x width; images past labels.size() are zero
  std::vector<int32_t> labels;  ///< of the images that count, at most `batch`
};

/// Batches of one data set, decoded ahead on worker threads. What a batch holds depends on (seed, epoch, index) alone:
/// not on workers, timing, or where reading started.
class Loader {
 public:
  /// Throws UsageError for options that cannot be met: a batch below 1, mean or deviation not one per channel,
  /// a deviation that is not positive, no full batch with drop_last.
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  int64_t batches_per_epoch() const;
  /// Starts (or restarts) reading at batch `first_batch` (0 .. batches_per_epoch()) of `epoch`; it goes on into later
  /// epochs. Without a call, reading starts at epoch 0, batch 0.
  void start(int64_t epoch, int64_t first_batch);
  /// The next batch. Throws what reading an image threw, again at every call until start(). The batch stays valid until
  /// the next call of next() or start().
  const Batch& next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trainer
