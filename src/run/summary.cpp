#include "run/summary.h"

#include <nlohmann/json.hpp>

#include "run/batchnorm_share.h"
#include "run/figures.h"
#include "run/traffic.h"

namespace trainer {
namespace {

nlohmann::json figures_json(const ProcessorResult& result, const Figures& figures) {
  return {{"time_s", time_s(result, figures)},
          {"core_energy_J", figures.core_energy_J},
          {"system_energy_J", figures.system_energy_J},
          {"utilisation", utilisation(result, figures)},
          {"dense_macs", figures.dense_macs},
          {"effectual_macs", figures.effectual_macs},
          {"cycles", figures.cycles},
          {"compute_cycles", figures.compute_cycles},
          {"memory_cycles", figures.memory_cycles},
          {"dram_bytes", figures.dram_bytes},
          {"loaded_bytes", loaded_bytes_json(figures.loaded)},
          {"stored_bytes", figures.stored_bytes}};
}

/// Means over the observed steps; utilisation is a ratio and stays as it is.
nlohmann::json per_step(nlohmann::json figures, int64_t steps) {
  for (auto& [key, value] : figures.items()) {
    if (value.is_object()) {
      value = per_step(value, steps);
    } else if (key != "utilisation") {
      value = steps > 0 ? value.get<double>() / static_cast<double>(steps) : 0.0;
    }
  }
  return figures;
}

}  // namespace

nlohmann::json processors_json(const std::vector<ProcessorResult>& results) {
  nlohmann::json processors = nlohmann::json::object();
  for (const ProcessorResult& result : results) {
    const std::vector<Figures> phases = phase_figures(result);
    nlohmann::json document = figures_json(result, total_figures(result));
    nlohmann::json step = per_step(document, result.observed_steps);
    for (int i = 0; i < kPhases; ++i) {
      const std::string phase(to_string(static_cast<Phase>(i)));
      document["phases"][phase] = figures_json(result, phases[static_cast<size_t>(i)]);
      step["phases"][phase] = per_step(document["phases"][phase], result.observed_steps);
    }
    document["observed_steps"] = result.observed_steps;
    document["clock_MHz"] = result.clock_MHz;
    document["batchnorm"] = batchnorm_json(result);
    document["per_step"] = std::move(step);
    processors[result.name] = std::move(document);
  }
  return processors;
}

nlohmann::json layers_json(const std::vector<ProcessorResult>& results) {
  nlohmann::json processors = nlohmann::json::object();
  for (const ProcessorResult& result : results) {
    nlohmann::json rows = nlohmann::json::array();
    for (const LayerPhaseResult& row : result.rows) {
      rows.push_back({{"layer", row.layer},
                      {"phase", to_string(row.phase)},
                      {"dense_macs", row.dense_macs},
                      {"effectual_macs", row.effectual_macs},
                      {"cycles", row.cycles},
                      {"compute_cycles", row.compute_cycles},
                      {"memory_cycles", row.memory_cycles},
                      {"dram_bytes", row.dram_bytes},
                      {"loaded_bytes", loaded_bytes_json(row.loaded)},
                      {"stored_bytes", row.stored_bytes},
                      {"utilisation", row.utilisation},
                      {"core_energy_J", row.core_energy_J},
                      {"system_energy_J", row.system_energy_J}});
    }
    processors[result.name] = std::move(rows);
  }
  return processors;
}

}  // namespace trainer
