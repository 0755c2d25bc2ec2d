#include "run/dataflow_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "run/text_table.h"

namespace trainer {
namespace {

double part(int64_t a, int64_t b) { return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0; }

struct Sums {
  int64_t macs = 0;
  int64_t cycles = 0;
  int64_t best_cycles = 0;
  int64_t predicted_cycles = 0;
  std::vector<int64_t> pinned;  // 0 for what some phase cannot take: slices of input channels in a speculated FF
};

Sums sums_of(const ProcessorResult& result) {
  Sums sums;
  sums.pinned.resize(result.dataflows.size());
  for (const DataflowChoice& choice : result.choices) {
    sums.macs += choice.effectual_macs;
    sums.cycles += choice.cycles;
    sums.best_cycles += choice.best_cycles;
    sums.predicted_cycles += choice.predicted_cycles;
    for (size_t i = 0; i < sums.pinned.size(); ++i) {
      const bool possible = choice.pinned_cycles[i] > 0 && (&choice == &result.choices.front() || sums.pinned[i] > 0);
      sums.pinned[i] = possible ? sums.pinned[i] + choice.pinned_cycles[i] : 0;
    }
  }
  return sums;
}

double utilisation_of(const ProcessorResult& result, int64_t macs, int64_t cycles) {
  return part(macs, cycles) / result.peak_macs_per_cycle;
}

std::string percent(double share) { return fmt::format("{:.2f}", 100 * share); }

std::string choice_table(const ProcessorResult& result, const Sums& sums) {
  TextTable table({"layer", "phase", "chosen", "best_in_hindsight", "changes", "predicted_cycles", "cycles",
                   "best_cycles", "regret_%"},
                  4);
  for (const DataflowChoice& choice : result.choices) {
    table.add({choice.layer, std::string(to_string(choice.phase)), choice.chosen,
               choice.best == choice.chosen ? "the same" : choice.best, fmt::format("{}", choice.changes),
               fmt::format("{}", choice.predicted_cycles), fmt::format("{}", choice.cycles),
               fmt::format("{}", choice.best_cycles), percent(part(choice.cycles, choice.best_cycles) - 1)});
  }
  table.rule();
  table.add({"all", "", "", "", "", fmt::format("{}", sums.predicted_cycles), fmt::format("{}", sums.cycles),
             fmt::format("{}", sums.best_cycles), percent(part(sums.cycles, sums.best_cycles) - 1)});
  return table.text();
}

std::string pinned_table(const ProcessorResult& result, const Sums& sums) {
  TextTable table({"dataflow", "cycles", "utilisation_%"}, 1);
  const auto add = [&](const std::string& name, int64_t cycles) {
    const bool possible = cycles > 0;
    table.add({name, possible ? fmt::format("{}", cycles) : "-",
               possible ? percent(utilisation_of(result, sums.macs, cycles)) : "-"});
  };
  add("as chosen", sums.cycles);
  add("best in hindsight", sums.best_cycles);
  table.rule();
  for (size_t i = 0; i < result.dataflows.size(); ++i) {
    add(result.dataflows[i], sums.pinned[i]);
  }
  return table.text();
}

}  // namespace

DataflowSummary summarise_dataflows(const ProcessorResult& result) {
  const Sums sums = sums_of(result);
  DataflowSummary summary;
  summary.utilisation = utilisation_of(result, sums.macs, sums.cycles);
  summary.hindsight_utilisation = utilisation_of(result, sums.macs, sums.best_cycles);
  for (size_t i = 0; i < sums.pinned.size(); ++i) {
    const int64_t least = sums.pinned[summary.best_pinned];
    if (sums.pinned[i] > 0 && (least == 0 || sums.pinned[i] < least)) {
      summary.best_pinned = i;
    }
  }
  summary.best_pinned_utilisation = utilisation_of(result, sums.macs, sums.pinned[summary.best_pinned]);
  summary.gain = part(sums.pinned[summary.best_pinned], sums.cycles);
  summary.regret = part(sums.cycles, sums.best_cycles) - 1;
  return summary;
}

std::string dataflow_report(const ProcessorResult& result) {
  if (result.choices.empty()) {
    return "";
  }
  const Sums sums = sums_of(result);
  const DataflowSummary summary = summarise_dataflows(result);
  return fmt::format(
      "{}: dataflow of each layer and phase, sums over {} observed steps\n{}\n{}: cycles of FF, BP and WG in every "
      "dataflow\n{}mean PE utilisation {} % as chosen, {} % in the best pinned dataflow ({}): gain {:.3f}x, regret "
      "{} %\n",
      result.name, result.observed_steps, choice_table(result, sums), result.name, pinned_table(result, sums),
      percent(summary.utilisation), percent(summary.best_pinned_utilisation), result.dataflows[summary.best_pinned],
      summary.gain, percent(summary.regret));
}

nlohmann::json dataflow_json(const ProcessorResult& result) {
  const Sums sums = sums_of(result);
  const DataflowSummary summary = summarise_dataflows(result);
  nlohmann::json layers = nlohmann::json::array();
  for (const DataflowChoice& choice : result.choices) {
    layers.push_back({{"layer", choice.layer},
                      {"phase", to_string(choice.phase)},
                      {"chosen", choice.chosen},
                      {"changes", choice.changes},
                      {"best", choice.best},
                      {"predicted_cycles", choice.predicted_cycles},
                      {"cycles", choice.cycles},
                      {"best_cycles", choice.best_cycles}});
  }
  nlohmann::json pinned = nlohmann::json::array();
  for (size_t i = 0; i < result.dataflows.size(); ++i) {
    if (sums.pinned[i] == 0) {
      continue;
    }
    pinned.push_back({{"dataflow", result.dataflows[i]},
                      {"cycles", sums.pinned[i]},
                      {"utilisation", utilisation_of(result, sums.macs, sums.pinned[i])}});
  }
  return {{"layers", layers},
          {"pinned", pinned},
          {"cycles", sums.cycles},
          {"predicted_cycles", sums.predicted_cycles},
          {"best_cycles", sums.best_cycles},
          {"utilisation", summary.utilisation},
          {"hindsight_utilisation", summary.hindsight_utilisation},
          {"best_pinned", result.dataflows[summary.best_pinned]},
          {"best_pinned_utilisation", summary.best_pinned_utilisation},
          {"gain", summary.gain},
          {"regret", summary.regret}};
}

}  // namespace trainer
