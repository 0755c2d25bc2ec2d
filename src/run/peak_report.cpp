#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "processor/processor_file.h"
#include "run/peak_figures.h"
#include "run/reference_layer.h"
#include "run/text_table.h"

namespace trainer {
namespace {

// Published of the Trainer chip (JSSC 2022, DOI 10.1109/JSSC.2022.3174411, abstract).
struct PublishedFigure {
  std::string_view precision;
  double sparse_TFLOPS_per_W;
};
constexpr PublishedFigure kPublished[] = {{"fp16", 173.28}, {"fp8", 276.55}};
constexpr double kPublishedRatio = 80.9;

std::string published(const std::string& precision) {
  const auto* found = std::find_if(std::begin(kPublished), std::end(kPublished),
                                   [&](const PublishedFigure& figure) { return figure.precision == precision; });
  return found == std::end(kPublished) ? "-" : fmt::format("{:g}", found->sparse_TFLOPS_per_W);
}

std::string heading(const ProcessorRequest& request, bool with_point) {
  const ProcessorParameters parameters = load_processor(request.name_or_file, request.overrides);
  return fmt::format(
      "{}, cost table {}{}; FF of layer {}, 90/90: 10 % of X not zero, 10 % of W unpruned\n"
      "FLOP: 2 for every dense MAC; energy: core\n",
      parameters.name, parameters.cost,
      with_point ? fmt::format(", {:g} V, {:g} MHz", parameters.voltage_V, parameters.clock_MHz) : "", kReferenceLayer);
}

std::string factor_lines(const CalibrationFigures& figures) {
  const double pJ_per_MAC = 1e12 / figures.dense_macs;
  std::string text = fmt::format(
      "{}: a dense MAC may cost {:.4f} pJ; control {:.4f} without a factor, all else {:.4f}\n", figures.precision,
      figures.fit.target_J * pJ_per_MAC, figures.fit.control_J * pJ_per_MAC, figures.fit.other_J * pJ_per_MAC);
  if (!figures.fit.reachable()) {
    return text + fmt::format(
                      "{}: no factor reaches {:g} TFLOPS/W: all else costs more than that alone, the factor would "
                      "be {:.6g}   (the table has {:g})\n",
                      figures.precision, figures.target_TFLOPS_per_W, figures.fit.factor(), figures.table_factor);
  }
  return text + fmt::format("{}: factor: {:.6g}   (the table has {:g})\n", figures.precision, figures.fit.factor(),
                            figures.table_factor);
}

nlohmann::json to_json(const Efficiency& efficiency) {
  return {{"dense_TFLOPS_per_W", efficiency.dense_TFLOPS_per_W},
          {"sparse_TFLOPS_per_W", efficiency.sparse_TFLOPS_per_W},
          {"ratio", efficiency.ratio()}};
}

}  // namespace

std::string calibration_report(const ProcessorRequest& request, const std::vector<CalibrationFigures>& all) {
  TextTable table({"precision", "figure", "published", "without_factor", "with_factor"}, 2);
  std::string factors;
  for (const CalibrationFigures& figures : all) {
    const auto add = [&](const char* figure, std::string published, double without, double with) {
      table.add({figures.precision, figure, std::move(published), fmt::format("{:.4f}", without),
                 fmt::format("{:.4f}", with)});
    };
    add("dense TFLOPS/W (target)", fmt::format("{:g}", figures.target_TFLOPS_per_W), figures.without.dense_TFLOPS_per_W,
        figures.with.dense_TFLOPS_per_W);
    add("90/90 TFLOPS/W", published(figures.precision), figures.without.sparse_TFLOPS_per_W,
        figures.with.sparse_TFLOPS_per_W);
    add("90/90 over dense", fmt::format("{:g}", kPublishedRatio), figures.without.ratio(), figures.with.ratio());
    factors += factor_lines(figures);
  }
  if (!all_reachable(all)) {
    factors += "not every target can be reached, so the table should have 1 for every precision (docs/cost.md)\n";
  }
  return heading(request, true) + "\n" + table.text() + "\n" + factors;
}

nlohmann::json calibration_json(const std::vector<CalibrationFigures>& all) {
  nlohmann::json document = {{"layer", kReferenceLayer}, {"precisions", nlohmann::json::object()}};
  for (const CalibrationFigures& figures : all) {
    document["precisions"][figures.precision] = {{"target_TFLOPS_per_W", figures.target_TFLOPS_per_W},
                                                 {"reachable", figures.fit.reachable()},
                                                 {"factor", figures.fit.factor()},
                                                 {"table_factor", figures.table_factor},
                                                 {"target_J", figures.fit.target_J},
                                                 {"control_J", figures.fit.control_J},
                                                 {"other_J", figures.fit.other_J},
                                                 {"without_factor", to_json(figures.without)},
                                                 {"with_factor", to_json(figures.with)}};
  }
  return document;
}

std::string peak_report(const ProcessorRequest& request, const std::vector<PeakFigures>& all) {
  TextTable table({"precision", "voltage_V", "clock_MHz", "peak_GFLOPS", "90/90_GFLOPS", "dense_mW", "dense_TFLOPS/W",
                   "90/90_TFLOPS/W", "ratio"},
                  1);
  for (const PeakFigures& figures : all) {
    table.add({figures.precision, fmt::format("{:g}", figures.voltage_V), fmt::format("{:g}", figures.clock_MHz),
               fmt::format("{:.2f}", figures.peak_GFLOPS), fmt::format("{:.2f}", figures.sparse_GFLOPS),
               fmt::format("{:.2f}", figures.dense_mW), fmt::format("{:.3f}", figures.efficiency.dense_TFLOPS_per_W),
               fmt::format("{:.2f}", figures.efficiency.sparse_TFLOPS_per_W),
               fmt::format("{:.2f}", figures.efficiency.ratio())});
  }
  return heading(request, false) + "\n" + table.text();
}

nlohmann::json peak_json(const std::vector<PeakFigures>& all) {
  nlohmann::json points = nlohmann::json::array();
  for (const PeakFigures& figures : all) {
    nlohmann::json point = to_json(figures.efficiency);
    point.update({{"precision", figures.precision},
                  {"voltage_V", figures.voltage_V},
                  {"clock_MHz", figures.clock_MHz},
                  {"peak_GFLOPS", figures.peak_GFLOPS},
                  {"sparse_GFLOPS", figures.sparse_GFLOPS},
                  {"dense_mW", figures.dense_mW}});
    points.push_back(std::move(point));
  }
  return {{"layer", kReferenceLayer}, {"points", points}};
}

}  // namespace trainer
