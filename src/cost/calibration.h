#pragma once

#include "cost/energy.h"
#include "cost/table.h"

namespace trainer {

/// How the factor of one precision follows from dense counts. The share `control` is the only part of a processor's
/// energy that no published figure pins down, so it takes what the target leaves:
///     factor = (2 * dense_macs / target - core energy of all other shares) / core energy of `control`.
struct CalibrationFit {
  double target_J = 0;   ///< core energy that the target efficiency implies for these counts
  double control_J = 0;  ///< of share `control` without a factor
  double other_J = 0;    ///< all other core energy
  /// Negative where the other shares alone exceed the target: then no factor reaches it.
  double factor() const { return (target_J - other_J) / control_J; }
  bool reachable() const { return factor() >= 0; }
};

/// `uncalibrated` are prices with Calibration::left_out; the target is in 10^12 FLOP per J, 2 FLOP per dense MAC.
CalibrationFit fit_calibration(const EventCounts& counts, int64_t dense_macs, const Prices& uncalibrated,
                               double target_TFLOPS_per_W);

/// 2 FLOP per dense MAC over core energy, in TFLOPS/W.
double efficiency_TFLOPS_per_W(int64_t dense_macs, double core_J);

}  // namespace trainer
