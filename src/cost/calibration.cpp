#include "cost/calibration.h"

namespace trainer {

CalibrationFit fit_calibration(const EventCounts& counts, int64_t dense_macs, const Prices& uncalibrated,
                               double target_TFLOPS_per_W) {
  const Energy energy = energy_of(counts, uncalibrated);
  CalibrationFit fit;
  fit.target_J = 2 * static_cast<double>(dense_macs) / (target_TFLOPS_per_W * 1e12);
  fit.control_J = share_energy_J(energy, uncalibrated, CostShare::control);
  fit.other_J = energy.core_J() - fit.control_J;
  return fit;
}

double efficiency_TFLOPS_per_W(int64_t dense_macs, double core_J) {
  return 2 * static_cast<double>(dense_macs) / core_J * 1e-12;
}

}  // namespace trainer
