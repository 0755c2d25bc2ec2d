#include "run/batchnorm_share.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "run/text_table.h"

namespace trainer {
namespace {

bool is_batchnorm(const LayerPhaseResult& row) { return row.phase == Phase::BN; }

BatchNormShare share_of(const std::string& layer, const Figures& figures, const Figures& total) {
  const auto ratio = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
  return {layer, figures, ratio(static_cast<double>(figures.cycles), static_cast<double>(total.cycles)),
          ratio(figures.core_energy_J, total.core_energy_J), ratio(figures.system_energy_J, total.system_energy_J)};
}

nlohmann::json shares_json(const BatchNormShare& share) {
  return {{"time_share", share.time},
          {"core_energy_share", share.core_energy},
          {"system_energy_share", share.system_energy}};
}

}  // namespace

std::vector<BatchNormShare> batchnorm_shares(const ProcessorResult& result) {
  const Figures total = total_figures(result);
  std::vector<BatchNormShare> shares;
  for (const LayerPhaseResult& row : result.rows) {
    if (is_batchnorm(row)) {
      shares.push_back(share_of(row.layer, sum_rows(result, [&](const auto& other) { return &other == &row; }), total));
    }
  }
  return shares;
}

BatchNormShare batchnorm_total(const ProcessorResult& result) {
  return share_of("", sum_rows(result, is_batchnorm), total_figures(result));
}

nlohmann::json batchnorm_json(const ProcessorResult& result) {
  nlohmann::json document = shares_json(batchnorm_total(result));
  document["layers"] = nlohmann::json::array();
  for (const BatchNormShare& share : batchnorm_shares(result)) {
    nlohmann::json layer = shares_json(share);
    layer["layer"] = share.layer;
    layer["time_s"] = time_s(result, share.figures);
    layer["core_energy_J"] = share.figures.core_energy_J;
    layer["system_energy_J"] = share.figures.system_energy_J;
    document["layers"].push_back(std::move(layer));
  }
  return document;
}

std::string batchnorm_table(const std::vector<ProcessorResult>& results) {
  const bool any = std::any_of(results.begin(), results.end(), [](const ProcessorResult& result) {
    return std::any_of(result.rows.begin(), result.rows.end(), is_batchnorm);
  });
  if (!any) {
    return "";
  }
  TextTable table({"processor", "BN_time_%", "BN_core_energy_%", "BN_system_energy_%"}, 1);
  for (const ProcessorResult& result : results) {
    const BatchNormShare share = batchnorm_total(result);
    table.add({result.name, fmt::format("{:.2f}", 100 * share.time), fmt::format("{:.2f}", 100 * share.core_energy),
               fmt::format("{:.2f}", 100 * share.system_energy)});
  }
  return fmt::format("BN's share of a step (each layer's: table batchnorm of metrics.sqlite, or --json)\n{}",
                     table.text());
}

}  // namespace trainer
