#pragma once

#include <cstdint>

#include "processor/parameters.h"

namespace trainer {

/// The one DRAM channel: docs/processor-contract.md, section 6.
class Dram {
 public:
  explicit Dram(const ProcessorParameters& parameters);

  /// x(bytes): cycles of one transfer, the latency of its request included; 0 for nothing.
  int64_t cycles(int64_t bytes) const;

 private:
  int64_t clock_kHz_;
  int64_t bandwidth_MBps_;
  int64_t latency_cycles_;
};

}  // namespace trainer
