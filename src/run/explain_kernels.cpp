#include "run/explain_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "network/layers/contraction.h"
#include "run/text_table.h"

namespace trainer {
namespace {

std::string milliseconds_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string break_even_text(const std::optional<double>& density) {
  if (!density) {
    return "-";
  }
  return *density > 1 ? "always" : *density == 0 ? "never" : fmt::format("{:.3f}", *density);
}

nlohmann::json or_null(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace

std::vector<KernelExplanation> explain_kernels(const Network& network, const CostModels& models) {
  std::vector<KernelExplanation> rows;
  for (const Network::Node& node : network.nodes()) {
    const layers::Contraction* contraction = node.layer->contraction();
    for (const ConvolutionPhase phase : kConvolutionPhases) {
      if (contraction == nullptr || !contraction->has(phase)) {
        continue;
      }
      KernelExplanation row;
      row.layer = node.name;
      row.phase = phase;
      row.problem = to_string(contraction->description().geometry);
      row.density = contraction->weight().pattern->density();
      row.path = contraction->path_of(phase);
      if (const auto& break_even = contraction->break_even()) {
        row.break_even = (*break_even)[phase];
      }
      if (const auto model = models.find(row.problem); model != models.end()) {
        row.highway_ms = 1e3 * model->second[phase].highway_s(row.density);
        row.onednn_ms = 1e3 * model->second[phase].onednn_s;
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string kernel_explanation_table(const std::vector<KernelExplanation>& rows) {
  TextTable table({"layer", "phase", "shape", "path", "density", "break-even", "highway_ms", "onednn_ms"}, 4);
  double highway = 0;
  double onednn = 0;
  double chosen = 0;
  for (const KernelExplanation& row : rows) {
    table.add({row.layer, std::string(to_string(row.phase)), row.problem, std::string(to_string(row.path)),
               fmt::format("{:.3f}", row.density), break_even_text(row.break_even), milliseconds_text(row.highway_ms),
               milliseconds_text(row.onednn_ms)});
    if (row.highway_ms) {
      highway += *row.highway_ms;
      onednn += *row.onednn_ms;
      chosen += row.path == KernelPath::onednn ? *row.onednn_ms : *row.highway_ms;
    }
  }
  if (std::none_of(rows.begin(), rows.end(), [](const auto& row) { return row.onednn_ms.has_value(); })) {
    return table.text();
  }
  table.rule();
  table.add({"sum", "", "", "", "", "", milliseconds_text(highway), milliseconds_text(onednn)});
  std::string text = table.text();
  const bool comparable =
      std::none_of(rows.begin(), rows.end(), [](const auto& row) { return row.path == KernelPath::reference; });
  return comparable ? text + fmt::format("as chosen: {:.3f} ms\n", chosen) : text;
}

nlohmann::json kernel_explanation_json(const std::vector<KernelExplanation>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const KernelExplanation& row : rows) {
    list.push_back({{"layer", row.layer},
                    {"phase", to_string(row.phase)},
                    {"problem", row.problem},
                    {"density", row.density},
                    {"highway_ms", or_null(row.highway_ms)},
                    {"onednn_ms", or_null(row.onednn_ms)},
                    {"break_even", or_null(row.break_even)},
                    {"path", to_string(row.path)}});
  }
  return {{"kernels", list}};
}

}  // namespace trainer
