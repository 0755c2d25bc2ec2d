#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "processor/simulation.h"

namespace trainer {

/// Sums of rows of one processor.
struct Figures {
  int64_t dense_macs = 0;
  int64_t effectual_macs = 0;
  int64_t cycles = 0;
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

/// cycles / clock
double time_s(const ProcessorResult& result, const Figures& figures);

}  // namespace trainer
