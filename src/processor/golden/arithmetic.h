#pragma once

#include "processor/golden/machine.h"

namespace trainer::golden {

/// FP32 operations of the BN and UP units, and their fetches of FP16 values through the global buffer, counted.
struct Arithmetic {
  Counts& counts;

  float add(float a, float b) const {
    ++counts.fp32_add;
    return a + b;
  }
  float subtract(float a, float b) const { return add(a, -b); }
  float multiply(float a, float b) const {
    ++counts.fp32_multiply;
    return a * b;
  }
  void fetch(int64_t bits) const {
    counts.buffer_read += bits;
    counts.dram_read += bits / 8;
  }
  void store(int64_t bits) const {
    counts.buffer_write += bits;
    counts.dram_write += bits / 8;
  }
};

}  // namespace trainer::golden
