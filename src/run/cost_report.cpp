#include "run/cost_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cost/area.h"
#include "cost/prices.h"
#include "processor/processor_file.h"
#include "run/text_table.h"

namespace trainer {
namespace {

struct ProcessorCost {
  ProcessorParameters parameters;
  Prices prices;
  double control_factor;
  double fastest_MHz;
  std::optional<Area> area;

  double peak_GFLOPS() const { return 2e-3 * static_cast<double>(parameters.array_lanes()) * parameters.clock_MHz; }
};

ProcessorCost cost_of(const ProcessorRequest& request) {
  ProcessorParameters parameters = load_processor(request.name_or_file, request.overrides);
  const CostTable table = load_cost_table(parameters.cost);
  Prices prices(table, parameters);
  std::optional<Area> area;
  if (table.area) {
    area = area_of(parameters);
  }
  const CalibrationFactor* calibration = table.find_calibration(parameters.precision);
  const double control_factor = calibration == nullptr ? 1 : calibration->factor;
  const double fastest = fastest_clock_MHz(table, parameters.voltage_V);
  return {std::move(parameters), std::move(prices), control_factor, fastest, std::move(area)};
}

std::string energy_table(const Prices& prices) {
  TextTable table({"event", "unit", "share", "pJ_each", "source"}, 3);
  for (const EventEntry& entry : event_table()) {
    if (const CostRow* row = prices.row(entry.event)) {
      table.add({std::string(entry.name), std::string(entry.unit), std::string(to_string(row->share)),
                 fmt::format("{:.4g}", prices.pJ(entry.event)),
                 fmt::format("{:g} {} at {}{:g} V", row->value, row->unit == CostUnit::pJ ? "pJ" : "mW",
                             row->node_nm == 0 ? "" : fmt::format("{:g} nm, ", row->node_nm), row->voltage_V) +
                     (row->size ? fmt::format(", {:g} KB", row->size->at_KB) : "")});
    }
  }
  return table.text();
}

std::string area_table_text(const Area& area) {
  TextTable table({"component", "unit", "count", "um2_each", "mm2", "share_%"}, 2);
  const auto share = [&](double mm2) { return fmt::format("{:.2f}", 100 * mm2 / area.total_mm2()); };
  for (const AreaPart& part : area.parts) {
    const AreaComponentEntry& entry = area_component_table()[static_cast<size_t>(part.component)];
    table.add({std::string(entry.name), std::string(entry.unit), fmt::format("{:g}", part.count),
               fmt::format("{:.4g}", part.um2_each), fmt::format("{:.4f}", part.mm2), share(part.mm2)});
  }
  table.rule();
  table.add({"named components", "", "", "", fmt::format("{:.4f}", area.parts_mm2()), share(area.parts_mm2())});
  table.add({"remainder", "", "", "", fmt::format("{:.4f}", area.remainder_mm2), share(area.remainder_mm2)});
  table.add({"total", "", "", "", fmt::format("{:.4f}", area.total_mm2()), share(area.total_mm2())});
  return table.text() +
         fmt::format("remainder: the published {:g} mm2 less the named components of {}; a difference, not a finding\n",
                     area.published_mm2, area.reference);
}

nlohmann::json prices_json(const Prices& prices) {
  nlohmann::json events = nlohmann::json::object();
  for (const EventEntry& entry : event_table()) {
    if (const CostRow* row = prices.row(entry.event)) {
      events[std::string(entry.name)] = {{"pJ_each", prices.pJ(entry.event)},
                                         {"unit", entry.unit},
                                         {"share", to_string(row->share)},
                                         {"source", row->source},
                                         {"scope", row->scope},
                                         {"source_value", row->value},
                                         {"source_unit", row->unit == CostUnit::pJ ? "pJ" : "mW"},
                                         {"source_voltage_V", row->voltage_V}};
      if (row->node_nm != 0) {
        events[std::string(entry.name)]["source_node_nm"] = row->node_nm;
      }
      if (row->size) {
        events[std::string(entry.name)]["source_KB"] = row->size->at_KB;
        events[std::string(entry.name)]["size_exponent"] = row->size->exponent;
      }
    }
  }
  return events;
}

nlohmann::json area_json(const Area& area) {
  nlohmann::json components = nlohmann::json::object();
  for (const AreaPart& part : area.parts) {
    const AreaComponentEntry& entry = area_component_table()[static_cast<size_t>(part.component)];
    components[std::string(entry.name)] = {{"count", part.count}, {"unit", entry.unit},    {"um2_each", part.um2_each},
                                           {"mm2", part.mm2},     {"source", part.source}, {"scope", part.scope}};
  }
  return {{"components", components},
          {"components_mm2", area.parts_mm2()},
          {"remainder_mm2", area.remainder_mm2},
          {"total_mm2", area.total_mm2()},
          {"published_mm2", area.published_mm2},
          {"published_source", area.published_source},
          {"reference", area.reference}};
}

}  // namespace

std::string cost_report(const ProcessorRequest& request) {
  const ProcessorCost cost = cost_of(request);
  const ProcessorParameters& parameters = cost.parameters;
  std::string text = fmt::format(
      "{}: {}, {:g} V, {:g} MHz (at most {:g} MHz at this voltage), cost table {}\n"
      "peak {:.2f} GFLOPS: {} MACs per cycle, 2 FLOP each{}\n"
      "calibration: rows of share control times {:g}\n\n{}",
      parameters.name, parameters.precision, parameters.voltage_V, parameters.clock_MHz, cost.fastest_MHz,
      parameters.cost, cost.peak_GFLOPS(), parameters.array_lanes(),
      cost.area ? fmt::format("; {:.2f} GFLOPS/mm2", cost.peak_GFLOPS() / cost.area->total_mm2()) : "",
      cost.control_factor, energy_table(cost.prices));
  if (cost.area) {
    text += fmt::format("\n{}", area_table_text(*cost.area));
  }
  return text;
}

nlohmann::json cost_json(const ProcessorRequest& request) {
  const ProcessorCost cost = cost_of(request);
  const ProcessorParameters& parameters = cost.parameters;
  nlohmann::json document = {{"processor", parameters.name},          {"cost", parameters.cost},
                             {"precision", parameters.precision},     {"voltage_V", parameters.voltage_V},
                             {"clock_MHz", parameters.clock_MHz},     {"fastest_clock_MHz", cost.fastest_MHz},
                             {"control_factor", cost.control_factor}, {"peak_GFLOPS", cost.peak_GFLOPS()},
                             {"events", prices_json(cost.prices)}};
  if (cost.area) {
    document["area"] = area_json(*cost.area);
  }
  return document;
}

}  // namespace trainer
