#pragma once

#include <cstdint>
#include <numeric>
#include <span>

namespace trainer {

// Arithmetic of integers. Divisions are of non-negative ones; products have 128 bits on the way.
__extension__ using WideInteger = __int128;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// floor(a * b / c)
constexpr int64_t scale_down(int64_t a, int64_t b, int64_t c) {
  return static_cast<int64_t>(static_cast<WideInteger>(a) * b / c);
}

/// ceil(a * b / c)
constexpr int64_t scale_up(int64_t a, int64_t b, int64_t c) {
  return static_cast<int64_t>((static_cast<WideInteger>(a) * b + c - 1) / c);
}

inline int64_t sum(std::span<const int64_t> values) {
  return std::accumulate(values.begin(), values.end(), int64_t{0});
}

}  // namespace trainer
