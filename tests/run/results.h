#pragma once

#include "processor/simulation.h"

namespace trainer::testing_help {

/// Two layers on an array of 100 MACs per cycle; sums are easy by hand:
///   FF 400 of 1000 MACs in 10 cycles, BP 50 of 500 in 5, WG 150 of 1500 in 15, BN 7 cycles, UP 3 cycles.
inline ProcessorResult small_result(const std::string& name = "small") {
  ProcessorResult result;
  result.name = name;
  result.observed_steps = 4;
  result.clock_MHz = 200;
  const auto add = [&](const char* layer, Phase phase, int64_t dense, int64_t effectual, int64_t cycles,
                       double utilisation, double core_J, double system_J) {
    LayerPhaseResult row;
    row.layer = layer;
    row.phase = phase;
    row.dense_macs = dense;
    row.effectual_macs = effectual;
    row.cycles = cycles;
    row.compute_cycles = cycles - 1;
    row.memory_cycles = phase == Phase::FF ? cycles / 2 + 1 : 1;
    row.dram_bytes = 9 * cycles;
    if (dense > 0) {  // by operand where there is one
      row.loaded = {8 * cycles, 4 * cycles, 16 * cycles, 3, 2 * cycles, cycles};
    }
    row.stored_bytes = 2 * cycles;
    row.utilisation = utilisation;
    row.core_energy_J = core_J;
    row.system_energy_J = system_J;
    result.rows.push_back(row);
  };
  add("conv1", Phase::FF, 600, 300, 6, 0.5, 1e-6, 2e-6);
  add("conv1", Phase::WG, 900, 100, 10, 0.1, 3e-6, 5e-6);
  add("bn1", Phase::BN, 0, 0, 7, 0, 0.5e-6, 0.5e-6);
  add("fc", Phase::FF, 400, 100, 4, 0.25, 1e-6, 1e-6);
  add("fc", Phase::BP, 500, 50, 5, 0.1, 2e-6, 2e-6);
  add("fc", Phase::WG, 600, 50, 5, 0.1, 0.25e-6, 0.5e-6);
  add("update", Phase::UP, 0, 0, 3, 0, 0.25e-6, 0.5e-6);
  return result;
}

}  // namespace trainer::testing_help
