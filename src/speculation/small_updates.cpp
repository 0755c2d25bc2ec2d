#include "speculation/small_updates.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>

#include "base/parallel.h"
#include "kernels/elementwise/pieces.h"

namespace trainer {
namespace {

constexpr int kBias = 127;  // of FP32's exponent

struct Steps {
  int smallest_exponent;  ///< of a normal value
  int mantissa_bits;      ///< stored ones
};

Steps steps_of(Format format) { return format == Format::fp32 ? Steps{-126, 23} : Steps{-14, 10}; }

}  // namespace

float half_unit(float value, Format format) {
  const Steps steps = steps_of(format);
  const int exponent = static_cast<int>((std::bit_cast<uint32_t>(value) >> 23) & 0xFF) - kBias;
  return std::ldexp(1.0F, std::max(exponent, steps.smallest_exponent) - steps.mantissa_bits - 1);
}

void SmallUpdates::remember(std::span<Parameter* const> parameters) {
  before_.resize(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i]->is_weight) {
      before_[i] = parameters[i]->value;
    }
  }
}

SmallUpdates::Counts SmallUpdates::leave_out(std::span<Parameter* const> parameters) const {
  assert(parameters.size() == before_.size());
  std::atomic<int64_t> updates = 0;
  std::atomic<int64_t> left_out = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i]->is_weight) {
      continue;
    }
    float* after = parameters[i]->value.data();
    const float* before = before_[i].data();
    assert(parameters[i]->value.size() == before_[i].size());
    parallel_for(static_cast<int64_t>(before_[i].size()), kElementwisePiece, [&](int64_t begin, int64_t end) {
      int64_t changed = 0;
      int64_t restored = 0;
      for (int64_t w = begin; w < end; ++w) {
        const float update = std::fabs(after[w] - before[w]);
        if (update == 0) {
          continue;
        }
        ++changed;
        if (update < half_unit(before[w], format_)) {
          after[w] = before[w];
          ++restored;
        }
      }
      updates += changed;
      left_out += restored;
    });
  }
  return {updates, left_out};
}

}  // namespace trainer
