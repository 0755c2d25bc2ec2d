#include "run/peak_figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "processor/processor_file.h"
#include "run/reference_layer.h"

namespace trainer {
namespace {

ProcessorRequest with_overrides(ProcessorRequest request, const std::vector<std::string>& more) {
  request.overrides.insert(request.overrides.end(), more.begin(), more.end());
  return request;
}

struct DenseAndSparse {
  ReferenceCounts dense;
  ReferenceCounts sparse;
};

DenseAndSparse count_both(const ProcessorRequest& request) {
  return {count_reference_layer(request, 1), count_reference_layer(request, kSparseDensity)};
}

double efficiency_of(const ReferenceCounts& counts, const Prices& prices) {
  return efficiency_TFLOPS_per_W(counts.dense_macs, energy_of(counts.events, prices).core_J());
}

Efficiency efficiency_of(const DenseAndSparse& counts, const Prices& prices) {
  return {efficiency_of(counts.dense, prices), efficiency_of(counts.sparse, prices)};
}

}  // namespace

std::vector<CalibrationFigures> calibration_figures(const ProcessorRequest& request) {
  const ProcessorParameters parameters = load_processor(request.name_or_file, request.overrides);
  const CostTable table = load_cost_table(parameters.cost);
  if (table.calibration.empty()) {
    throw UsageError(
        fmt::format("cost table '{}' has no section `calibration`: add one with the target of each precision "
                    "(docs/cost.md)",
                    table.name));
  }
  std::vector<CalibrationFigures> all;
  for (const CalibrationFactor& factor : table.calibration) {
    const ProcessorRequest at_precision = with_overrides(request, {"precision=" + factor.precision});
    const ProcessorParameters priced = load_processor(at_precision.name_or_file, at_precision.overrides);
    const DenseAndSparse counts = count_both(at_precision);
    const Prices without(table, priced, Calibration::left_out);
    const Prices with(table, priced);
    CalibrationFigures figures;
    figures.precision = factor.precision;
    figures.target_TFLOPS_per_W = factor.target_TFLOPS_per_W;
    figures.table_factor = factor.factor;
    figures.fit = fit_calibration(counts.dense.events, counts.dense.dense_macs, without, factor.target_TFLOPS_per_W);
    figures.dense_macs = static_cast<double>(counts.dense.dense_macs);
    figures.without = efficiency_of(counts, without);
    figures.with = efficiency_of(counts, with);
    all.push_back(std::move(figures));
  }
  return all;
}

bool all_reachable(const std::vector<CalibrationFigures>& all) {
  return std::all_of(all.begin(), all.end(), [](const CalibrationFigures& figures) { return figures.fit.reachable(); });
}

std::vector<PeakFigures> peak_figures(const ProcessorRequest& request) {
  const ProcessorParameters parameters = load_processor(request.name_or_file, request.overrides);
  const CostTable table = load_cost_table(parameters.cost);
  std::vector<PeakFigures> all;
  for (const OperatingPoint& point : table.operating_points) {
    for (const std::string_view precision : cost_precisions()) {
      if (table.find(precision == "fp8" ? Event::mac_fp8 : Event::mac, precision) == nullptr) {
        continue;
      }
      const ProcessorRequest at_point = with_overrides(
          request, {fmt::format("voltage_V={}", point.voltage_V), fmt::format("clock_MHz={}", point.clock_MHz),
                    fmt::format("precision={}", precision)});
      const DenseAndSparse counts = count_both(at_point);
      const Prices prices(table, load_processor(at_point.name_or_file, at_point.overrides));
      const double Hz = 1e6 * point.clock_MHz;
      PeakFigures figures;
      figures.voltage_V = point.voltage_V;
      figures.clock_MHz = point.clock_MHz;
      figures.precision = precision;
      figures.peak_GFLOPS = 2e-9 * static_cast<double>(parameters.array_lanes()) * Hz;
      figures.sparse_GFLOPS =
          2e-9 * static_cast<double>(counts.sparse.dense_macs) * Hz / static_cast<double>(counts.sparse.cycles);
      figures.dense_mW =
          1e3 * energy_of(counts.dense.events, prices).core_J() * Hz / static_cast<double>(counts.dense.cycles);
      figures.efficiency = efficiency_of(counts, prices);
      all.push_back(std::move(figures));
    }
  }
  return all;
}

}  // namespace trainer
