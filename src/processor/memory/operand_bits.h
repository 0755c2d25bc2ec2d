#pragma once

#include <cstdint>

namespace trainer {

/// Bits loaded from DRAM by operand. W is the mask in WG; sums are partial weight gradients that come
/// back; shortcut is what is added after BN, for speculated FF; bitmap is that of X, for masked BP.
struct OperandBits {
  int64_t X = 0;
  int64_t W = 0;
  int64_t dZ = 0;
  int64_t sums = 0;
  int64_t shortcut = 0;
  int64_t bitmap = 0;

  int64_t total() const { return X + W + dZ + sums + shortcut + bitmap; }
  OperandBits& operator+=(const OperandBits& other) {
    X += other.X;
    W += other.W;
    dZ += other.dZ;
    sums += other.sums;
    shortcut += other.shortcut;
    bitmap += other.bitmap;
    return *this;
  }
  bool operator==(const OperandBits&) const = default;
};

}  // namespace trainer
