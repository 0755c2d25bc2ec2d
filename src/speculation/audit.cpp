#include "speculation/audit.h"

#include <bit>
#include <cmath>

namespace trainer {
namespace {

constexpr int kRateBits = 16;

/// The finaliser of SplitMix64 (Steele et al., OOPSLA 2014): every bit of the result depends on every bit of `x`.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15U;

}  // namespace

AuditSample::AuditSample(double rate, uint64_t seed, int64_t step, int layer)
    : rate_(static_cast<uint32_t>(std::lround(rate * (1 << kRateBits)))),
      key_(mix(mix(mix(seed + kGolden) + static_cast<uint64_t>(step)) + static_cast<uint64_t>(layer))) {}

uint64_t AuditSample::word(int64_t channel, int64_t index) const {
  if (rate_ >= 1U << kRateBits) {
    return ~uint64_t{0};
  }
  // Digit by digit of the rate, from its last 1 up: p becomes p/2 for a 0 (and), (1 + p)/2 for a 1 (or).
  uint64_t counter = mix(key_ + static_cast<uint64_t>(channel) * kGolden) + static_cast<uint64_t>(index) * kRateBits;
  uint64_t bits = 0;
  for (int digit = std::countr_zero(rate_); digit < kRateBits; ++digit) {
    const uint64_t random = mix(kGolden * ++counter);
    bits = ((rate_ >> digit) & 1U) != 0 ? bits | random : bits & random;
  }
  return bits;
}

}  // namespace trainer
