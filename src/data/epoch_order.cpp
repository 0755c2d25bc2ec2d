#include "data/epoch_order.h"

#include "base/random.h"

namespace trainer {

void EpochOrder::get(int64_t epoch, int64_t first, int64_t count, std::vector<uint32_t>& indices) {
  indices.clear();
  if (!shuffle_) {
    for (int64_t i = first; i < first + count; ++i) {
      indices.push_back(static_cast<uint32_t>(i));
    }
    return;
  }
  const Order all = order(epoch);
  indices.assign(all->begin() + first, all->begin() + first + count);
}

EpochOrder::Order EpochOrder::order(int64_t epoch) {
  const std::lock_guard lock(mutex_);
  Known& known = known_[static_cast<size_t>(epoch % 2)];
  if (known.epoch != epoch) {
    Random random(seed_, random_stream(RandomUse::kShuffle, epoch));
    known = {.epoch = epoch, .order = std::make_shared<const std::vector<uint32_t>>(shuffled(images_, random))};
  }
  return known.order;
}

}  // namespace trainer
