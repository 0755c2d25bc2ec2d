#include "speculation/margin.h"

#include <algorithm>

namespace trainer {
namespace {

// Beyond these the estimate is of no use, or the layer has no dead outputs.
constexpr double kLowest = -1;
constexpr double kHighest = 4;

}  // namespace

void Margin::follow(int64_t audited, int64_t live, double target) {
  audited_ += audited;
  live_ += live;
  if (static_cast<double>(audited_) * target < kExpected) {
    return;
  }
  const double share = static_cast<double>(live_) / static_cast<double>(audited_);
  value_ = std::clamp(value_ + kGain * std::min(share / target - 1, 3.0), kLowest, kHighest);
  audited_ = 0;
  live_ = 0;
}

}  // namespace trainer
