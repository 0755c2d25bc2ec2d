#include "training/loss_scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>

#include "base/error.h"
#include "base/parallel.h"

namespace trainer {
namespace {

constexpr float kFirst = 65536;
constexpr float kLargest = 0x1p40F;
constexpr float kHopeless = 0x1p-24F;
constexpr int64_t kStepsToDouble = 2000;
constexpr int64_t kPiece = 1 << 15;  // values

constexpr uint32_t kInfinity = 0x7F800000;

/// Infinities and NaN have the largest magnitudes, as bits. A maximum of integers is what compilers vectorise.
uint32_t magnitude_bits(float value) { return std::bit_cast<uint32_t>(value) & 0x7FFFFFFF; }

/// Multiplies by `factor`; false where a value was not finite.
bool multiply(std::span<float> values, float factor) {
  uint32_t largest = 0;
  for (float& value : values) {
    largest = std::max(largest, magnitude_bits(value));
    value *= factor;
  }
  return largest < kInfinity;
}

}  // namespace

LossScale::LossScale(const Precision& precision)
    : precision_(precision.kind), active_(precision_ != Precision::Kind::fp32), value_(active_ ? kFirst : 1) {}

bool LossScale::unscale(std::span<Parameter* const> parameters) const {
  std::atomic<bool> finite = true;
  const float factor = 1 / value_;
  for (Parameter* parameter : parameters) {
    const std::span<float> gradient = parameter->gradient;
    parallel_for(static_cast<int64_t>(gradient.size()), kPiece, [&](int64_t begin, int64_t end) {
      const auto first = static_cast<size_t>(begin);
      if (!multiply(gradient.subspan(first, static_cast<size_t>(end) - first), factor)) {
        finite = false;
      }
    });
  }
  return finite;
}

void LossScale::step_done(bool overflowed) {
  if (!active_) {
    return;
  }
  if (overflowed) {
    value_ /= 2;
    steps_since_change_ = 0;
    if (value_ < kHopeless) {
      throw SystemFailure(
          fmt::format("training diverged: gradients overflow {} even with the loss scaled by {}; lower --lr or use "
                      "--precision fp32",
                      to_string(precision_), value_));
    }
  } else if (++steps_since_change_ >= kStepsToDouble) {
    value_ = std::min(2 * value_, kLargest);
    steps_since_change_ = 0;
  }
}

void LossScale::restore(float value, int64_t steps_since_change) {
  value_ = value;
  steps_since_change_ = steps_since_change;
}

bool all_finite(std::span<const float> values) {
  uint32_t largest = 0;
  for (const float value : values) {
    largest = std::max(largest, magnitude_bits(value));
  }
  return largest < kInfinity;
}

}  // namespace trainer
