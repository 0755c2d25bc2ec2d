#pragma once

#include <span>

#include "kernels/batchnorm/sums.h"

namespace trainer {

/// BN, and the ReLU after it, as whoever reads Z in place of A applies them: A = (Z - mean) * scale + offset, one entry
/// a channel, rectified or not. What it gives has the bits that A has when BN's own passes store it in Z's format.
struct InputMap {
  std::span<const float> mean;
  std::span<const float> scale;
  std::span<const float> offset;
  bool rectify = false;  ///< A = min(max(that, 0), ceiling)
  float ceiling = batchnorm::kNotCut;
};

}  // namespace trainer
