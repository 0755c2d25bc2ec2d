#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace trainer {

/// What the loader draws random numbers for.
enum class RandomUse : uint64_t { kShuffle = 1, kAugmentation = 2 };

/// The stream of Random for one use in one epoch: the use stands in the top byte, away from small stream numbers.
constexpr uint64_t random_stream(RandomUse use, int64_t epoch) {
  return static_cast<uint64_t>(use) << 56U | static_cast<uint64_t>(epoch);
}

/// The order of images in each epoch: by index, or shuffled by (seed, epoch). For any thread.
class EpochOrder {
 public:
  EpochOrder(uint32_t images, bool shuffle, uint64_t seed) : images_(images), shuffle_(shuffle), seed_(seed) {}

  /// Images first .. first+count-1 of `epoch`, into `indices`.
  void get(int64_t epoch, int64_t first, int64_t count, std::vector<uint32_t>& indices);

 private:
  using Order = std::shared_ptr<const std::vector<uint32_t>>;
  Order order(int64_t epoch);

  uint32_t images_;
  bool shuffle_;
  uint64_t seed_;
  std::mutex mutex_;
  // Batches being made lie in two epochs at most, unless epochs are shorter than the queue; then orders are cheap.
  struct Known {
    int64_t epoch = -1;
    Order order;
  };
  std::array<Known, 2> known_;
};

}  // namespace trainer
