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

std::string break_even_text(const std::optional<DensityBounds>& bounds) {
  if (!bounds) {
    return "-";
  }
  const double density = bounds->dense_from();
  return density > 1 ? "always" : density == 0 ? "never" : fmt::format("{:.3f}", density);
}

/// Predicted for the path that a row takes.
std::optional<double> chosen_ms(const KernelExplanation& row) {
  switch (row.path) {
    case KernelPath::highway:
      return row.highway_ms;
    case KernelPath::half:
      return row.half_ms;
    case KernelPath::onednn:
      return row.onednn_ms;
    default:
      return {};
  }
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
        const CostModel& costs = model->second[phase];
        row.highway_ms = 1e3 * costs.highway.seconds(row.density);
        row.onednn_ms = 1e3 * costs.onednn_s;
        if (costs.half) {
          row.half_ms = 1e3 * costs.half->seconds(row.density);
        }
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::string kernel_explanation_table(const std::vector<KernelExplanation>& rows) {
  const bool has_half = std::ranges::any_of(rows, [](const auto& row) { return row.half_ms.has_value(); });
  // The cells of a row, of which the column half_ms, the last but one, is shown where half has a place.
  const auto shown = [has_half](std::vector<std::string> cells) {
    if (!has_half) {
      cells.erase(cells.end() - 2);
    }
    return cells;
  };
  TextTable table(
      shown({"layer", "phase", "shape", "path", "density", "break-even", "highway_ms", "half_ms", "onednn_ms"}), 4);
  std::optional<double> highway;
  std::optional<double> half;
  std::optional<double> onednn;
  std::optional<double> chosen;
  const auto add = [](const std::optional<double>& value, std::optional<double>& sum) {
    if (value) {
      sum = sum.value_or(0) + *value;
    }
  };
  for (const KernelExplanation& row : rows) {
    table.add(
        shown({row.layer, std::string(to_string(row.phase)), row.problem, std::string(to_string(row.path)),
               fmt::format("{:.3f}", row.density), break_even_text(row.break_even), milliseconds_text(row.highway_ms),
               milliseconds_text(row.half_ms), milliseconds_text(row.onednn_ms)}));
    add(row.highway_ms, highway);
    add(row.half_ms, half);
    add(row.onednn_ms, onednn);
    add(chosen_ms(row), chosen);
  }
  if (!onednn) {
    return table.text();
  }
  table.rule();
  table.add(shown(
      {"sum", "", "", "", "", "", milliseconds_text(highway), milliseconds_text(half), milliseconds_text(onednn)}));
  return table.text() + (chosen ? fmt::format("as chosen: {:.3f} ms\n", *chosen) : "");
}

nlohmann::json kernel_explanation_json(const std::vector<KernelExplanation>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (const KernelExplanation& row : rows) {
    list.push_back({{"layer", row.layer},
                    {"phase", to_string(row.phase)},
                    {"problem", row.problem},
                    {"density", row.density},
                    {"highway_ms", or_null(row.highway_ms)},
                    {"half_ms", or_null(row.half_ms)},
                    {"onednn_ms", or_null(row.onednn_ms)},
                    {"break_even", row.break_even ? or_null(row.break_even->dense_from()) : nlohmann::json(nullptr)},
                    {"half_from", row.break_even && row.break_even->has_half() ? or_null(row.break_even->highway)
                                                                               : nlohmann::json(nullptr)},
                    {"path", to_string(row.path)}});
  }
  return {{"kernels", list}};
}

}  // namespace trainer
