#include "data/augment.h"

#include <algorithm>
#include <cassert>

#include "base/random.h"
#include "data/epoch_order.h"

namespace trainer {

Placement draw_placement(uint64_t seed, int64_t epoch, uint32_t index, int64_t padding, bool flip) {
  Random random(seed, random_stream(RandomUse::kAugmentation, epoch), index);
  const auto choices = static_cast<uint64_t>(2 * padding + 1);
  Placement placement;
  placement.row = static_cast<int64_t>(random.below(choices)) - padding;
  placement.column = static_cast<int64_t>(random.below(choices)) - padding;
  placement.mirrored = flip && random.below(2) == 1;
  return placement;
}

void place(const Image& image, const Placement& placement, std::span<uint8_t> to) {
  const int64_t height = image.height;
  const int64_t width = image.width;
  assert(to.size() == static_cast<size_t>(image.channels * height * width));
  // Columns [begin, end) of the crop show the image.
  const int64_t begin = std::clamp<int64_t>(-placement.column, 0, width);
  const int64_t end = std::clamp<int64_t>(width - placement.column, begin, width);
  for (int64_t c = 0; c < image.channels; ++c) {
    for (int64_t y = 0; y < height; ++y) {
      uint8_t* out = to.data() + (c * height + y) * width;
      const int64_t source_row = y + placement.row;
      if (source_row < 0 || source_row >= height) {
        std::fill_n(out, width, uint8_t{0});
        continue;
      }
      const uint8_t* in = image.pixels.data() + (c * height + source_row) * width;
      std::fill_n(out, begin, uint8_t{0});
      if (begin < end) {
        std::copy_n(in + begin + placement.column, end - begin, out + begin);
      }
      std::fill(out + end, out + width, uint8_t{0});
      if (placement.mirrored) {
        std::reverse(out, out + width);
      }
    }
  }
}

}  // namespace trainer
