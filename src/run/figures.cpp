#include "run/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trainer {
namespace {

/// MACs per cycle of the whole array, from the row that tells it most precisely.
double array_macs_per_cycle(const ProcessorResult& result) {
  const LayerPhaseResult* best = nullptr;
  for (const LayerPhaseResult& row : result.rows) {
    if (row.utilisation > 0 && row.cycles > 0 && (best == nullptr || row.effectual_macs > best->effectual_macs)) {
      best = &row;
    }
  }
  if (best == nullptr) {
    return 0;
  }
  const double macs = static_cast<double>(best->effectual_macs);
  // A whole number (PEs * lanes): rounding takes away the error of the division.
  return std::round(macs / (static_cast<double>(best->cycles) * best->utilisation));
}

}  // namespace

Figures& Figures::operator+=(const Figures& other) {
  dense_macs += other.dense_macs;
  effectual_macs += other.effectual_macs;
  cycles += other.cycles;
  compute_cycles += other.compute_cycles;
  memory_cycles += other.memory_cycles;
  dram_bytes += other.dram_bytes;
  loaded += other.loaded;
  stored_bytes += other.stored_bytes;
  core_energy_J += other.core_energy_J;
  system_energy_J += other.system_energy_J;
  mac_cycles += other.mac_cycles;
  return *this;
}

Figures sum_rows(const ProcessorResult& result, const std::function<bool(const LayerPhaseResult&)>& wanted) {
  Figures sum;
  for (const LayerPhaseResult& row : result.rows) {
    if (wanted(row)) {
      sum += {row.dense_macs,
              row.effectual_macs,
              row.cycles,
              row.compute_cycles,
              row.memory_cycles,
              row.dram_bytes,
              row.loaded,
              row.stored_bytes,
              row.core_energy_J,
              row.system_energy_J,
              row.dense_macs > 0 ? row.cycles : 0};
    }
  }
  return sum;
}

std::vector<Figures> phase_figures(const ProcessorResult& result) {
  std::vector<Figures> phases;
  phases.reserve(kPhases);
  for (int i = 0; i < kPhases; ++i) {
    phases.push_back(sum_rows(result, [i](const LayerPhaseResult& row) { return static_cast<int>(row.phase) == i; }));
  }
  return phases;
}

Figures total_figures(const ProcessorResult& result) {
  Figures total;
  for (const Figures& phase : phase_figures(result)) {
    total += phase;
  }
  return total;
}

double utilisation(const ProcessorResult& result, const Figures& figures) {
  const double possible = array_macs_per_cycle(result) * static_cast<double>(figures.mac_cycles);
  return possible > 0 ? static_cast<double>(figures.effectual_macs) / possible : 0;
}

Roofline roofline(const ProcessorResult& result, const Figures& figures) {
  const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0; };
  const auto compute = static_cast<double>(figures.compute_cycles);
  const auto memory = static_cast<double>(figures.memory_cycles);
  const auto macs = static_cast<double>(figures.effectual_macs);
  Roofline roofline;
  roofline.memory_bound = memory > compute;
  roofline.by = ratio(std::max(compute, memory), std::min(compute, memory));
  roofline.macs_per_byte = ratio(macs, static_cast<double>(figures.dram_bytes));
  roofline.macs_per_cycle = ratio(macs, static_cast<double>(figures.cycles));
  roofline.roof_macs_per_cycle = figures.dram_bytes > 0 ? std::min(result.peak_macs_per_cycle,
                                                                   roofline.macs_per_byte * result.dram_bytes_per_cycle)
                                                        : result.peak_macs_per_cycle;
  return roofline;
}

std::string bound_text(const Roofline& roofline) {
  const char* what = roofline.memory_bound ? "memory" : "compute";
  return roofline.by > 0 ? fmt::format("{} {:.2f}x", what, roofline.by) : what;
}

double time_s(const ProcessorResult& result, const Figures& figures) {
  return static_cast<double>(figures.cycles) / (result.clock_MHz * 1e6);
}

}  // namespace trainer
