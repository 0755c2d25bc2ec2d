#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "processor/event.h"
#include "run/dataflow_report.h"
#include "run/figures.h"
#include "run/processor_table.h"
#include "run/simulate_layer.h"
#include "run/text_table.h"
#include "run/traffic.h"

namespace trainer {
namespace {

constexpr double kMicro = 1e6;
constexpr double kPico = 1e12;

LayerPhaseResult total_of(const ProcessorResult& result) {
  LayerPhaseResult total;
  for (const LayerPhaseResult& row : result.rows) {
    total.dense_macs += row.dense_macs;
    total.effectual_macs += row.effectual_macs;
    total.skipped_by_input += row.skipped_by_input;
    total.skipped_by_weight += row.skipped_by_weight;
    total.skipped_by_output += row.skipped_by_output;
    total.cycles += row.cycles;
    total.compute_cycles += row.compute_cycles;
    total.memory_cycles += row.memory_cycles;
    total.dram_bytes += row.dram_bytes;
    total.loaded += row.loaded;
    total.stored_bytes += row.stored_bytes;
    total.core_energy_J += row.core_energy_J;
    total.system_energy_J += row.system_energy_J;
  }
  total.utilisation = utilisation(result, total_figures(result));
  return total;
}

/// Of one event in one row; zero where it did not happen.
EventResult event_of(const LayerPhaseResult& row, std::string_view name) {
  const auto found =
      std::find_if(row.events.begin(), row.events.end(), [&](const EventResult& event) { return event.event == name; });
  return found == row.events.end() ? EventResult{name, 0, 0} : *found;
}

std::string_view part_name(EventPart part) { return part == EventPart::core ? "core" : "dram"; }

double energy_of_one_pJ(const EventResult& event) {
  return event.count == 0 ? 0 : kPico * event.energy_J / static_cast<double>(event.count);
}

std::string phase_table(const ProcessorResult& result) {
  TextTable table({"phase", "dense_MACs", "effectual_MACs", "by_input", "by_weight", "by_output", "cycles",
                   "utilisation_%", "core_uJ", "system_uJ"},
                  1);
  const auto add = [&](std::string name, const LayerPhaseResult& row) {
    table.add({std::move(name), fmt::format("{}", row.dense_macs), fmt::format("{}", row.effectual_macs),
               fmt::format("{}", row.skipped_by_input), fmt::format("{}", row.skipped_by_weight),
               fmt::format("{}", row.skipped_by_output), fmt::format("{}", row.cycles),
               fmt::format("{:.2f}", 100 * row.utilisation), fmt::format("{:.3f}", kMicro * row.core_energy_J),
               fmt::format("{:.3f}", kMicro * row.system_energy_J)});
  };
  for (const LayerPhaseResult& row : result.rows) {
    add(std::string(to_string(row.phase)), row);
  }
  table.rule();
  add("total", total_of(result));
  return table.text();
}

Figures figures_of(const LayerPhaseResult& row) {
  Figures figures;
  figures.effectual_macs = row.effectual_macs;
  figures.cycles = row.cycles;
  figures.compute_cycles = row.compute_cycles;
  figures.memory_cycles = row.memory_cycles;
  figures.dram_bytes = row.dram_bytes;
  return figures;
}

/// Compute-bound or memory-bound, and by how much.
std::string roofline_table(const ProcessorResult& result) {
  TextTable table({"phase", "bound", "compute_cycles", "memory_cycles", "dram_bytes", "MACs_per_byte", "MACs_per_cycle",
                   "roof_MACs_per_cycle"},
                  2);
  const auto add = [&](std::string name, const LayerPhaseResult& row) {
    const Roofline roof = roofline(result, figures_of(row));
    table.add({std::move(name), bound_text(roof), fmt::format("{}", row.compute_cycles),
               fmt::format("{}", row.memory_cycles), fmt::format("{}", row.dram_bytes),
               fmt::format("{:.2f}", roof.macs_per_byte), fmt::format("{:.2f}", roof.macs_per_cycle),
               fmt::format("{:.2f}", roof.roof_macs_per_cycle)});
  };
  for (const LayerPhaseResult& row : result.rows) {
    add(std::string(to_string(row.phase)), row);
  }
  table.rule();
  add("total", total_of(result));
  return table.text();
}

/// What DRAM carries, by operand. A pass loads whole bytes, so the columns may add up to a little less than dram_bytes.
std::string traffic_table(const ProcessorResult& result) {
  std::vector<std::string> header = {"phase"};
  for (const OperandTraffic& traffic : operand_traffic()) {
    header.push_back(fmt::format("{}_bytes", traffic.operand));
  }
  header.insert(header.end(), {"stored_bytes", "dram_bytes"});
  TextTable table(header, 1);
  const auto add = [&](std::string name, const LayerPhaseResult& row) {
    std::vector<std::string> cells = {std::move(name)};
    for (const OperandTraffic& traffic : operand_traffic()) {
      cells.push_back(fmt::format("{:.0f}", loaded_bytes(row.loaded, traffic)));
    }
    cells.push_back(fmt::format("{}", row.stored_bytes));
    cells.push_back(fmt::format("{}", row.dram_bytes));
    table.add(std::move(cells));
  };
  for (const LayerPhaseResult& row : result.rows) {
    add(std::string(to_string(row.phase)), row);
  }
  table.rule();
  add("total", total_of(result));
  return table.text();
}

/// Every event that happened: how often, what one costs, and what that makes, phase by phase.
std::string energy_table(const ProcessorResult& result) {
  std::vector<std::string> header = {"event", "part", "unit", "count", "pJ_each"};
  for (const LayerPhaseResult& row : result.rows) {
    header.push_back(fmt::format("{}_uJ", to_string(row.phase)));
  }
  header.emplace_back("total_uJ");
  header.emplace_back("share_%");
  TextTable table(header, 3);
  const double whole_J = total_of(result).system_energy_J;
  double part_J[2] = {0, 0};
  for (const EventEntry& entry : event_table()) {
    EventResult sum{entry.name, 0, 0};
    std::vector<std::string> energies;
    for (const LayerPhaseResult& row : result.rows) {
      const EventResult event = event_of(row, entry.name);
      sum.count += event.count;
      sum.energy_J += event.energy_J;
      energies.push_back(fmt::format("{:.3f}", kMicro * event.energy_J));
    }
    if (sum.count == 0) {
      continue;
    }
    part_J[static_cast<size_t>(entry.part)] += sum.energy_J;
    std::vector<std::string> cells = {std::string(entry.name), std::string(part_name(entry.part)),
                                      std::string(entry.unit), fmt::format("{}", sum.count),
                                      fmt::format("{:.4g}", energy_of_one_pJ(sum))};
    cells.insert(cells.end(), energies.begin(), energies.end());
    cells.push_back(fmt::format("{:.3f}", kMicro * sum.energy_J));
    cells.push_back(whole_J > 0 ? fmt::format("{:.2f}", 100 * sum.energy_J / whole_J) : "-");
    table.add(std::move(cells));
  }
  return table.text() + fmt::format("core {:.3f} uJ + dram {:.3f} uJ = system {:.3f} uJ\n", kMicro * part_J[0],
                                    kMicro * part_J[1], kMicro * whole_J);
}

nlohmann::json densities_json(const Densities& density) {
  nlohmann::json document = {{"x", density.x}, {"w", density.w}, {"dz", density.dz}};
  if (density.z) {
    document["z"] = *density.z;
  }
  return document;
}

nlohmann::json row_json(const ProcessorResult& result, const LayerPhaseResult& row) {
  const Roofline roof = roofline(result, figures_of(row));
  return {{"dense_macs", row.dense_macs},
          {"effectual_macs", row.effectual_macs},
          {"skipped_by_input", row.skipped_by_input},
          {"skipped_by_weight", row.skipped_by_weight},
          {"skipped_by_output", row.skipped_by_output},
          {"cycles", row.cycles},
          {"compute_cycles", row.compute_cycles},
          {"memory_cycles", row.memory_cycles},
          {"dram_bytes", row.dram_bytes},
          {"loaded_bytes", loaded_bytes_json(row.loaded)},
          {"stored_bytes", row.stored_bytes},
          {"bound", roof.memory_bound ? "memory" : "compute"},
          {"macs_per_byte", roof.macs_per_byte},
          {"macs_per_cycle", roof.macs_per_cycle},
          {"roof_macs_per_cycle", roof.roof_macs_per_cycle},
          {"time_s", static_cast<double>(row.cycles) / (result.clock_MHz * 1e6)},
          {"utilisation", row.utilisation},
          {"core_energy_J", row.core_energy_J},
          {"system_energy_J", row.system_energy_J}};
}

/// What was simulated, in one line.
std::string title(const LayerSimulation& simulation, const Densities& density) {
  std::string text = fmt::format("{}: non-zero X {:.2f} %, W {:.2f} %, dZ {:.2f} %", to_string(simulation.geometry),
                                 100 * density.x, 100 * density.w, 100 * density.dz);
  if (density.z) {
    text += fmt::format("; wanted Z {:.2f} %", 100 * *density.z);
  }
  const auto list = [](const char* what, const std::vector<std::string>& names) {
    return names.empty() ? "" : fmt::format("; {} {}", what, fmt::join(names, ", "));
  };
  text += list("X from", simulation.neighbours.before) + list("Z to", simulation.neighbours.after);
  return text + fmt::format("; seed {}\n", simulation.seed);
}

}  // namespace

std::string layer_report(const LayerSimulation& simulation, const LayerSimulationResult& result) {
  std::string text = title(simulation, result.density);
  for (const ProcessorResult& processor : result.processors) {
    text += fmt::format("\n{}: {:.6g} ms at {:g} MHz\n{}\n{}\n{}\n{}", processor.name, 1e3 * processor.time_s(),
                        processor.clock_MHz, phase_table(processor), roofline_table(processor),
                        traffic_table(processor), energy_table(processor));
    const std::string dataflows = dataflow_report(processor);
    text += dataflows.empty() ? "" : "\n" + dataflows;
  }
  const std::string comparison = comparison_table(result.processors);
  return comparison.empty() ? text : text + "\n" + comparison;
}

nlohmann::json layer_json(const LayerSimulation& simulation, const LayerSimulationResult& result) {
  nlohmann::json processors = nlohmann::json::object();
  for (const ProcessorResult& processor : result.processors) {
    nlohmann::json document = row_json(processor, total_of(processor));
    document["clock_MHz"] = processor.clock_MHz;
    document["phases"] = nlohmann::json::object();
    for (const LayerPhaseResult& row : processor.rows) {
      nlohmann::json phase = row_json(processor, row);
      phase["events"] = nlohmann::json::object();
      for (const EventEntry& entry : event_table()) {
        const EventResult event = event_of(row, entry.name);
        if (event.count != 0) {
          phase["events"][std::string(entry.name)] = {{"count", event.count},
                                                      {"unit", entry.unit},
                                                      {"part", part_name(entry.part)},
                                                      {"pJ_each", energy_of_one_pJ(event)},
                                                      {"energy_J", event.energy_J}};
        }
      }
      document["phases"][std::string(to_string(row.phase))] = std::move(phase);
    }
    if (!processor.choices.empty()) {
      document["dataflow"] = dataflow_json(processor);
    }
    processors[processor.name] = std::move(document);
  }
  return {{"layer", to_string(simulation.geometry)},
          {"before", simulation.neighbours.before},
          {"after", simulation.neighbours.after},
          {"density", densities_json(simulation.density)},
          {"density_of_operands", densities_json(result.density)},
          {"seed", simulation.seed},
          {"processors", processors}};
}

}  // namespace trainer
