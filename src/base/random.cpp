#include "base/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace trainer {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53U;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57U;
constexpr uint32_t kWeyl0 = 0x9E3779B9U;
constexpr uint32_t kWeyl1 = 0xBB67AE85U;
constexpr int kRounds = 10;

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> x, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * x[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * x[2];
    x = {static_cast<uint32_t>(product1 >> 32U) ^ x[1] ^ key[0], static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32U) ^ x[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return x;
}

}  // namespace

Random::Random(uint64_t seed, uint64_t stream, uint32_t substream)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32U)},
      counter_{0, substream, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32U)} {}

void Random::refill() {
  block_ = philox(counter_, key_);
  ++counter_[0];
  used_ = 0;
}

uint32_t Random::next() {
  if (used_ == 4) {
    refill();
  }
  return block_[static_cast<size_t>(used_++)];
}

uint64_t Random::next64() {
  const uint64_t high = next();
  return high << 32U | next();
}

float Random::uniform() { return static_cast<float>(next() >> 8U) * 0x1p-24F; }

float Random::uniform(float low, float high) { return low + (high - low) * uniform(); }

uint64_t Random::below(uint64_t bound) {
  const uint64_t reject_from = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = next64();
  while (value >= reject_from) {
    value = next64();
  }
  return value % bound;
}

float Random::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const float radius = std::sqrt(-2.0F * std::log(1.0F - uniform()));
  const float angle = 2.0F * std::numbers::pi_v<float> * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

std::vector<uint32_t> shuffled(uint32_t count, Random& random) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  for (uint32_t left = count; left > 1; --left) {
    std::swap(order[left - 1], order[random.below(left)]);
  }
  return order;
}

}  // namespace trainer
