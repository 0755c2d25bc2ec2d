#pragma once

#include <cstdint>

namespace trainer {

/// Bits loaded from DRAM by operand. W is the mask in WG; sums are partial weight gradients that come back.
struct OperandBits {
  int64_t X = 0;
  int64_t W = 0;
  int64_t dZ = 0;
  int64_t sums = 0;

  int64_t total() const { return X + W + dZ + sums; }
  OperandBits& operator+=(const OperandBits& other) {
    X += other.X;
    W += other.W;
    dZ += other.dZ;
    sums += other.sums;
    return *this;
  }
  bool operator==(const OperandBits&) const = default;
};

}  // namespace trainer
