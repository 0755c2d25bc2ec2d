#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "processor/simulation.h"

namespace trainer {

/// Sums of rows of one processor.
struct Figures {
  int64_t dense_macs = 0;
  int64_t effectual_macs = 0;
  int64_t cycles = 0;
  int64_t compute_cycles = 0;
  int64_t memory_cycles = 0;
  int64_t dram_bytes = 0;
  OperandBits loaded;        ///< FF, BP and WG: of dram_bytes, by operand
  int64_t stored_bytes = 0;  ///< of dram_bytes
  double core_energy_J = 0;
  double system_energy_J = 0;
  /// Cycles of the rows that have MACs at all; BN and UP do none, so utilisation leaves their cycles out.
  int64_t mac_cycles = 0;

  Figures& operator+=(const Figures& other);
};

/// Sum of the rows that `wanted` accepts, in the order of the rows.
Figures sum_rows(const ProcessorResult& result, const std::function<bool(const LayerPhaseResult&)>& wanted);

/// Figures of each phase, in order of Phase.
std::vector<Figures> phase_figures(const ProcessorResult& result);

/// Sum of phase_figures().
Figures total_figures(const ProcessorResult& result);

/// PE utilisation: effectual MACs / (cycles of rows with MACs * the MACs the array does in a cycle); 0 without MACs.
double utilisation(const ProcessorResult& result, const Figures& figures);

/// Which of compute and memory bounds a row or a sum, and its place under the roofline (docs/processor-contract.md,
/// section 6).
struct Roofline {
  bool memory_bound = false;
  double by = 0;                   ///< the larger of compute and memory cycles over the smaller; 0 where that is 0
  double macs_per_byte = 0;        ///< operational intensity: effectual MACs per DRAM byte
  double macs_per_cycle = 0;       ///< attained
  double roof_macs_per_cycle = 0;  ///< the lower of the array's peak and what DRAM allows at this intensity
};
Roofline roofline(const ProcessorResult& result, const Figures& figures);
/// "memory 1.32x", "compute 3.10x"
std::string bound_text(const Roofline& roofline);

/// cycles / clock
double time_s(const ProcessorResult& result, const Figures& figures);

}  // namespace trainer
