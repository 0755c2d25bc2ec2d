#include "cost/calibration.h"

#include <gtest/gtest.h>

#include "cost/small_table.h"

namespace trainer {
namespace {

EventCounts counts_of(int64_t macs, int64_t lanes) {
  EventCounts counts;
  counts[Event::mac] = macs;
  counts[Event::lane_active] = lanes;
  counts[Event::dram_read] = 1000;  // no part of core energy
  return counts;
}

Prices prices(const std::string& sections, Calibration calibration) {
  return {testing_help::small_table("", sections), testing_help::processor_at(0.6, 50, "fp16"), calibration};
}

// 100 MACs: 50 pJ, 110 lane cycles at 3 pJ: 330 pJ. 2 TFLOPS/W on 100 dense MACs is 200 FLOP / 2e12 = 100 pJ, so
// control may take 50 of its 330 pJ.
TEST(Calibration, TheFactorIsWhatTheTargetLeaves) {
  const EventCounts counts = counts_of(100, 110);
  const CalibrationFit fit = fit_calibration(counts, 100, prices("", Calibration::left_out), 2);
  EXPECT_NEAR(fit.target_J, 100e-12, 1e-22);
  EXPECT_NEAR(fit.other_J, 50e-12, 1e-22);
  EXPECT_NEAR(fit.control_J, 330e-12, 1e-22);
  EXPECT_NEAR(fit.factor(), 50.0 / 330, 1e-12);
  const std::string section = "calibration:\n  - {precision: fp16, factor: " + std::to_string(fit.factor()) +
                              ", target_TFLOPS_per_W: 2, source: s}\n";
  const Energy energy = energy_of(counts, prices(section, Calibration::applied));
  EXPECT_NEAR(efficiency_TFLOPS_per_W(100, energy.core_J()), 2, 1e-4);
}

TEST(Calibration, IsNegativeWhereAllElseIsTooMuchAlready) {
  const EventCounts counts = counts_of(100, 110);  // 50 pJ without control; 5 TFLOPS/W would be 40 pJ
  const CalibrationFit fit = fit_calibration(counts, 100, prices("", Calibration::left_out), 5);
  EXPECT_FALSE(fit.reachable());
  EXPECT_NEAR(fit.factor(), (40.0 - 50.0) / 330, 1e-12);
  EXPECT_TRUE(fit_calibration(counts, 100, prices("", Calibration::left_out), 4).reachable());
}

TEST(Calibration, EfficiencyCountsTwoFlopPerMac) { EXPECT_DOUBLE_EQ(efficiency_TFLOPS_per_W(500'000'000'000, 0.5), 2); }

}  // namespace
}  // namespace trainer
