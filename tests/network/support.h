#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "network/network.h"

namespace trainer::test {

inline constexpr std::array<KernelPath, 4> kEveryPath = {KernelPath::reference, KernelPath::highway, KernelPath::onednn,
                                                         KernelPath::automatic};

inline Tensor random_tensor(const Shape& shape, uint64_t seed) {
  Random random(seed);
  Tensor tensor(shape);
  for (float& value : tensor.values()) {
    value = random.normal();
  }
  return tensor;
}

/// Prunes a weight at random; what stays keeps its value.
inline void prune(Parameter& weight, double density, uint64_t seed) {
  Random random(seed);
  std::vector<uint8_t> kept(static_cast<size_t>(weight.pattern->size()));
  for (uint8_t& k : kept) {
    k = random.uniform() < density ? 1 : 0;
  }
  const auto pattern = Pattern::from_mask(weight.pattern->rows(), weight.pattern->columns(), kept);
  weight.value = carry_over(*weight.pattern, weight.value, *pattern, 0);
  weight.gradient.assign(weight.value.size(), 0);
  weight.pattern = pattern;
}

inline void prune_all(Network& network, double density, uint64_t seed) {
  for (Parameter* parameter : network.parameters()) {
    if (parameter->is_weight) {
      prune(*parameter, density, seed++);
    }
  }
}

/// Euclidean norm of the difference over that of `expected`.
inline double norm_error(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(difference / std::max(norm, 1e-30));
}

/// Largest difference over the largest magnitude of `expected`.
inline double max_error(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(actual[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / std::max(largest, 1e-30);
}

}  // namespace trainer::test
