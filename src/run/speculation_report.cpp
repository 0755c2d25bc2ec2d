#include "run/speculation_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "run/text_table.h"

namespace trainer {
namespace {

LayerSpeculation sum(const std::vector<LayerSpeculation>& layers) {
  LayerSpeculation total;
  total.layer = "all";
  for (const LayerSpeculation& layer : layers) {
    total.gradients += layer.gradients;
    total.feedforward += layer.feedforward;
  }
  return total;
}

nlohmann::json counts_json(const LayerSpeculation& layer) {
  const FeedforwardCounts& outputs = layer.feedforward;
  return {{"outputs", outputs.outputs},
          {"outputs_wanted", outputs.wanted},
          {"outputs_predicted", outputs.predicted},
          {"outputs_audited", outputs.audited},
          {"outputs_audited_live", outputs.audited_live},
          {"outputs_skipped", outputs.skipped},
          {"outputs_skipped_share", outputs.skipped_share()},
          {"false_skips", outputs.false_skips},
          {"false_skip_rate", outputs.false_skip_rate()},
          {"missed", outputs.missed},
          {"precision", outputs.precision()},
          {"recall", outputs.recall()},
          {"gradient_values", layer.gradients.values},
          {"gradient_operands", layer.gradients.operands},
          {"gradients_dropped", layer.gradients.dropped},
          {"gradients_kept", layer.gradients.kept},
          {"gradients_dropped_share", layer.gradients.dropped_share()}};
}

std::string percent(double part) { return fmt::format("{:.1f} %", 100 * part); }

std::vector<std::string> cells(const LayerSpeculation& layer) {
  const FeedforwardCounts& outputs = layer.feedforward;
  return {layer.layer,
          fmt::format("{}", outputs.outputs),
          percent(outputs.skipped_share()),
          fmt::format("{:.2f} %", 100 * outputs.false_skip_rate()),
          percent(outputs.precision()),
          percent(outputs.recall()),
          fmt::format("{}", layer.gradients.operands),
          percent(layer.gradients.dropped_share()),
          fmt::format("{}", layer.gradients.kept)};
}

}  // namespace

nlohmann::json speculation_json(const std::vector<LayerSpeculation>& totals) {
  nlohmann::json document = counts_json(sum(totals));
  document["layers"] = nlohmann::json::array();
  for (const LayerSpeculation& layer : totals) {
    nlohmann::json row = counts_json(layer);
    row["layer"] = layer.layer;
    document["layers"].push_back(std::move(row));
  }
  return document;
}

std::string speculation_line(const std::vector<LayerSpeculation>& totals) {
  const LayerSpeculation total = sum(totals);
  const FeedforwardCounts& outputs = total.feedforward;
  std::string text = "speculation:";
  if (outputs.outputs > 0) {
    text += fmt::format(" {:.1f} % of outputs skipped, false skips {:.2f} %, precision {:.2f} %, recall {:.1f} %",
                        100 * outputs.skipped_share(), 100 * outputs.false_skip_rate(), 100 * outputs.precision(),
                        100 * outputs.recall());
  }
  if (total.gradients.values > 0) {
    text += fmt::format("{} gradients {:.1f} % dropped", outputs.outputs > 0 ? ";" : "",
                        100 * total.gradients.dropped_share());
  }
  return text;
}

std::string speculation_table(const std::vector<LayerSpeculation>& totals) {
  TextTable table(
      {"layer", "outputs", "skipped", "false skips", "precision", "recall", "gradients not 0", "dropped", "kept"}, 1);
  for (const LayerSpeculation& layer : totals) {
    table.add(cells(layer));
  }
  table.rule();
  table.add(cells(sum(totals)));
  return table.text();
}

}  // namespace trainer
