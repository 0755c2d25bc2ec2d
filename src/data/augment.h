#pragma once

#include <cstdint>
#include <span>

#include "data/dataset.h"

namespace trainer {

/// Where an image lies in its batch.
struct Placement {
  int64_t row = 0;        ///< output row y shows image row y + row, black outside of the image
  int64_t column = 0;     ///< likewise
  bool mirrored = false;  ///< left and right swapped after the crop
};

/// What augmentation does to image `index` of a data set in `epoch`: a crop of the image's own size from the image with
/// `padding` black pixels on each side, uniform among (2 padding + 1)^2, then a flip with probability 1/2.
/// A function of its arguments alone; row, column and flip are drawn in this order.
Placement draw_placement(uint64_t seed, int64_t epoch, uint32_t index, int64_t padding, bool flip);

/// Writes `image`, placed, to channels x H x W bytes.
void place(const Image& image, const Placement& placement, std::span<uint8_t> to);

}  // namespace trainer
