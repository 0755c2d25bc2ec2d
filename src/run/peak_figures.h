#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cost/calibration.h"
#include "processor/simulation.h"

namespace trainer {

/// Efficiency of the reference layer, core energy, 2 FLOP per dense MAC.
struct Efficiency {
  double dense_TFLOPS_per_W = 0;
  double sparse_TFLOPS_per_W = 0;  ///< 90 % of X zero, 90 % of W pruned

  /// What is left of the 100x that skipping 99 % of the MACs could give: the "sparsity-to-efficiency conversion ratio".
  double ratio() const { return sparse_TFLOPS_per_W / dense_TFLOPS_per_W; }
};

/// One precision at the processor's operating point, without and with the factor of its cost table.
struct CalibrationFigures {
  std::string precision;
  double target_TFLOPS_per_W = 0;
  double table_factor = 1;
  CalibrationFit fit;
  double dense_macs = 0;
  Efficiency without;
  Efficiency with;
};

/// For each precision that the processor's cost table has a factor for. Throws UsageError for processors that cannot be
/// loaded and tables without factors.
std::vector<CalibrationFigures> calibration_figures(const ProcessorRequest& request);
/// Whether factors reach the targets of all precisions. Where they do not, none is calibrated: a factor for some of
/// them would favour these against the others.
bool all_reachable(const std::vector<CalibrationFigures>& all);
std::string calibration_report(const ProcessorRequest& request, const std::vector<CalibrationFigures>& all);
nlohmann::json calibration_json(const std::vector<CalibrationFigures>& all);

/// One precision at one operating point of the processor's cost table.
struct PeakFigures {
  double voltage_V = 0;
  double clock_MHz = 0;
  std::string precision;
  double peak_GFLOPS = 0;    ///< 2 FLOP for every lane and cycle
  double sparse_GFLOPS = 0;  ///< 2 FLOP per dense MAC of the 90/90 layer over its time
  double dense_mW = 0;       ///< core power of the dense layer
  Efficiency efficiency;
};

/// For each operating point of the table and each precision that it prices a MAC of.
std::vector<PeakFigures> peak_figures(const ProcessorRequest& request);
std::string peak_report(const ProcessorRequest& request, const std::vector<PeakFigures>& all);
nlohmann::json peak_json(const std::vector<PeakFigures>& all);

}  // namespace trainer
