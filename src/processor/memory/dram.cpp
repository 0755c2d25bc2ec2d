#include "processor/memory/dram.h"

#include <cmath>

#include "processor/integer.h"

namespace trainer {

Dram::Dram(const ProcessorParameters& parameters)
    : clock_kHz_(std::llround(parameters.clock_MHz * 1e3)),
      bandwidth_MBps_(std::llround(parameters.bandwidth_GBps * 1e3)),
      latency_cycles_(scale_up(parameters.latency_ns, clock_kHz_, 1000000)) {}

int64_t Dram::cycles(int64_t bytes) const {
  return bytes == 0 ? 0 : latency_cycles_ + scale_up(bytes, clock_kHz_, bandwidth_MBps_ * 1000);
}

}  // namespace trainer
