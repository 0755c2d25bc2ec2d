#pragma once

#include <vector>

#include "data/dataset.h"

namespace trainer {

/// Mean and standard deviation of each channel, of pixel/255.
struct ChannelStatistics {
  std::vector<float> mean;
  std::vector<float> deviation;  ///< 1 for a channel that never varies, so that dividing by it is safe
};

/// Over evenly spaced images, at their own size: 2,000 of them, or all where there are fewer, or fewer where images are
/// so large (judged by the first) that 2,000 would exceed 2^28 pixels, but 100 at least. Throws what reading an image
/// throws.
ChannelStatistics channel_statistics(const Dataset& dataset);

}  // namespace trainer
