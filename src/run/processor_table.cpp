#include "run/processor_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "run/figures.h"
#include "run/text_table.h"

namespace trainer {
namespace {

constexpr size_t kNameWidth = 22;

struct Unit {
  const char* prefix;
  double factor;
};

/// The unit that shows `largest` with one to seven digits before the point.
Unit unit_for(double largest) {
  if (largest >= 100) {
    return {"", 1};
  }
  if (largest >= 0.1) {
    return {"m", 1e3};
  }
  if (largest >= 1e-4) {
    return {"u", 1e6};
  }
  return {"n", 1e9};
}

/// The end of a long name: it is what tells layers apart.
std::string short_name(const std::string& name) {
  return name.size() <= kNameWidth ? name : ".." + name.substr(name.size() - (kNameWidth - 2));
}

std::string ratio(double value, double reference) {
  return reference > 0 ? fmt::format("{:.3f}", value / reference) : "-";
}

/// "8.31x less" than the reference.
std::string times_less(double value, double reference) {
  if (value <= 0 || reference <= 0) {
    return "not comparable";
  }
  return value <= reference ? fmt::format("{:.2f}x less", reference / value)
                            : fmt::format("{:.2f}x more", value / reference);
}

}  // namespace

std::string processor_table(const ProcessorResult& result) {
  const Figures total = total_figures(result);
  const Unit unit = unit_for(std::max(total.core_energy_J, total.system_energy_J));
  TextTable table({"layer", "phase", "dense_MACs", "effectual_MACs", "cycles", "utilisation_%",
                   fmt::format("core_energy_{}J", unit.prefix), fmt::format("system_energy_{}J", unit.prefix)},
                  2);
  const auto add = [&](const std::string& layer, std::string_view phase, const Figures& figures) {
    table.add({short_name(layer), std::string(phase), fmt::format("{}", figures.dense_macs),
               fmt::format("{}", figures.effectual_macs), fmt::format("{}", figures.cycles),
               figures.mac_cycles > 0 ? fmt::format("{:.2f}", 100 * utilisation(result, figures)) : "-",
               fmt::format("{:.3f}", figures.core_energy_J * unit.factor),
               fmt::format("{:.3f}", figures.system_energy_J * unit.factor)});
  };

  for (const LayerPhaseResult& row : result.rows) {
    add(row.layer, to_string(row.phase), sum_rows(result, [&](const auto& other) { return &other == &row; }));
  }
  table.rule();
  const std::vector<Figures> phases = phase_figures(result);
  for (int i = 0; i < kPhases; ++i) {
    add("all", to_string(static_cast<Phase>(i)), phases[static_cast<size_t>(i)]);
  }
  add("total", "", total);
  return fmt::format("{}: sums over {} observed steps, {:.6g} ms at {:g} MHz\n{}", result.name, result.observed_steps,
                     1e3 * time_s(result, total), result.clock_MHz, table.text());
}

std::string comparison_table(const std::vector<ProcessorResult>& results) {
  if (results.size() < 2) {
    return "";
  }
  const auto dense = std::find_if(results.begin(), results.end(),
                                  [](const ProcessorResult& result) { return result.name == "dense-28nm"; });
  const ProcessorResult& reference = dense == results.end() ? results.front() : *dense;
  const Figures base = total_figures(reference);
  const double base_time = time_s(reference, base);
  const Unit time_unit = unit_for(base_time);
  const Unit unit = unit_for(base.system_energy_J);

  TextTable table({"processor", fmt::format("time_{}s", time_unit.prefix), fmt::format("core_energy_{}J", unit.prefix),
                   fmt::format("system_energy_{}J", unit.prefix), "utilisation_%", "time_ratio", "core_energy_ratio",
                   "system_energy_ratio"},
                  1);
  std::string sentences;
  for (const ProcessorResult& result : results) {
    const Figures figures = total_figures(result);
    const double time = time_s(result, figures);
    table.add({result.name, fmt::format("{:.3f}", time * time_unit.factor),
               fmt::format("{:.3f}", figures.core_energy_J * unit.factor),
               fmt::format("{:.3f}", figures.system_energy_J * unit.factor),
               fmt::format("{:.2f}", 100 * utilisation(result, figures)), ratio(time, base_time),
               ratio(figures.core_energy_J, base.core_energy_J), ratio(figures.system_energy_J, base.system_energy_J)});
    if (&result != &reference) {
      sentences +=
          fmt::format("{} against {}: time {}, core energy {}, system energy {}\n", result.name, reference.name,
                      times_less(time, base_time), times_less(figures.core_energy_J, base.core_energy_J),
                      times_less(figures.system_energy_J, base.system_energy_J));
    }
  }
  return fmt::format("processors over {} observed steps, ratios to {}\n{}{}", reference.observed_steps, reference.name,
                     table.text(), sentences);
}

}  // namespace trainer
