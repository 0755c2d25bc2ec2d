#pragma once

#include "processor/golden/machine.h"

namespace trainer::golden {

/// FP32 operations of the BN and UP units, counted.
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
};

}  // namespace trainer::golden
