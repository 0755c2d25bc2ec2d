#pragma once

#include <cstdint>

#include "processor/event.h"
#include "processor/memory/operand_bits.h"

namespace trainer {

/// Everything counted for one layer and phase; sums over steps add member by member.
struct PhaseCounts {
  int64_t dense_macs = 0;
  int64_t effectual_macs = 0;
  int64_t skipped_by_input = 0;
  int64_t skipped_by_weight = 0;
  int64_t skipped_by_output = 0;
  int64_t cycles = 0;          ///< end to end
  int64_t compute_cycles = 0;  ///< with a memory that takes no time
  int64_t memory_cycles = 0;   ///< of DRAM transfers
  OperandBits loaded;          ///< FF, BP and WG: what DRAM carried, by operand
  EventCounts events;

  PhaseCounts& operator+=(const PhaseCounts& other) {
    dense_macs += other.dense_macs;
    effectual_macs += other.effectual_macs;
    skipped_by_input += other.skipped_by_input;
    skipped_by_weight += other.skipped_by_weight;
    skipped_by_output += other.skipped_by_output;
    cycles += other.cycles;
    compute_cycles += other.compute_cycles;
    memory_cycles += other.memory_cycles;
    loaded += other.loaded;
    events += other.events;
    return *this;
  }
  bool operator==(const PhaseCounts&) const = default;
};

}  // namespace trainer
