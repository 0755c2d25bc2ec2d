#include "run/peak_figures.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/embedded.h"
#include "base/error.h"
#include "run/reference_layer.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::HasSubstr;

const ProcessorRequest kTrainer{"trainer-28nm", {}};

TEST(ReferenceLayer, DenseItFillsTheArray) {
  const ReferenceCounts counts = count_reference_layer(kTrainer, 1);
  EXPECT_EQ(counts.dense_macs, int64_t{32} * 256 * 16 * 16 * 256 * 9);
  EXPECT_EQ(counts.events[Event::mac], counts.dense_macs);
  EXPECT_GT(static_cast<double>(counts.dense_macs) / (1024.0 * static_cast<double>(counts.cycles)), 0.9);
}

TEST(ReferenceLayer, At9090OnePercentOfTheMacsIsLeft) {
  const ReferenceCounts counts = count_reference_layer(kTrainer, kSparseDensity);
  EXPECT_NEAR(static_cast<double>(counts.events[Event::mac]) / static_cast<double>(counts.dense_macs), 0.01, 2e-4);
}

// The published dense efficiencies, 173.28 / 80.9 and 276.55 / 80.9, within 0.1 %, where factors can reach both; no
// calibration where they cannot. When events change, the command `trainer cost --calibration` prints the factors to put
// into cost/28nm.yaml.
TEST(Calibration, ShippedFactorsReproduceTheDenseEfficiencies) {
  const std::vector<CalibrationFigures> all = calibration_figures(kTrainer);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].precision, "fp16");
  EXPECT_EQ(all[1].precision, "fp8");
  EXPECT_NEAR(all[0].target_TFLOPS_per_W, 173.28 / 80.9, 5e-4);
  EXPECT_NEAR(all[1].target_TFLOPS_per_W, 276.55 / 80.9, 5e-4);
  for (const CalibrationFigures& figures : all) {
    if (all_reachable(all)) {
      EXPECT_NEAR(figures.with.dense_TFLOPS_per_W / figures.target_TFLOPS_per_W, 1, 1e-3)
          << figures.precision << ": trainer cost --calibration";
      EXPECT_NEAR(figures.fit.factor(), figures.table_factor, 1e-3 * figures.table_factor + 1e-6);
    } else {
      EXPECT_EQ(figures.table_factor, 1) << figures.precision << ": trainer cost --calibration";
      EXPECT_EQ(figures.with.dense_TFLOPS_per_W, figures.without.dense_TFLOPS_per_W);
    }
  }
}

// What 90/90 then comes to is reported whatever it is; here only that the report is what the energies say.
TEST(Calibration, TheReportShowsBothSidesOfEveryFigure) {
  const std::vector<CalibrationFigures> all = calibration_figures(kTrainer);
  const std::string report = calibration_report(kTrainer, all);
  for (const CalibrationFigures& figures : all) {
    const double other_and_control = figures.fit.other_J + figures.fit.control_J;
    EXPECT_NEAR(figures.without.dense_TFLOPS_per_W, 2e-12 * figures.dense_macs / other_and_control, 1e-9);
    for (const Efficiency& efficiency : {figures.without, figures.with}) {
      EXPECT_THAT(report, HasSubstr(fmt::format("{:.4f}", efficiency.dense_TFLOPS_per_W)));
      EXPECT_THAT(report, HasSubstr(fmt::format("{:.4f}", efficiency.sparse_TFLOPS_per_W)));
      EXPECT_THAT(report, HasSubstr(fmt::format("{:.4f}", efficiency.ratio())));
      EXPECT_GT(efficiency.ratio(), 1);
      EXPECT_LT(efficiency.ratio(), 100);  // 1 % of the MACs remains
    }
    EXPECT_THAT(report, HasSubstr(fmt::format("{:.6g}   (the table has", figures.fit.factor())));
    EXPECT_EQ(calibration_json(all).at("precisions").at(figures.precision).at("with_factor").at("ratio"),
              figures.with.ratio());
  }
  for (const char* published : {"2.142", "3.418", "173.28", "276.55", "80.9"}) {
    EXPECT_THAT(report, HasSubstr(published));
  }
}

// A copy of the shipped table with one text replaced.
std::string edited_table(const testing_help::TemporaryFolder& folder, const std::string& from, const std::string& to) {
  std::string text(embedded::cost_tables().front().text);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  const std::string path = (folder.path() / "table.yaml").string();
  std::ofstream(path) << text.replace(at, from.size(), to);
  return path;
}

TEST(Calibration, ATargetOutOfReachIsSaidToBe) {
  const testing_help::TemporaryFolder folder;
  const std::string path = edited_table(folder, "target_TFLOPS_per_W: 2.142", "target_TFLOPS_per_W: 9");
  const ProcessorRequest request{"trainer-28nm", {"cost=" + path}};
  const std::vector<CalibrationFigures> all = calibration_figures(request);
  EXPECT_THAT(calibration_report(request, all), HasSubstr("fp16: no factor reaches 9 TFLOPS/W"));
  EXPECT_LT(calibration_json(all).at("precisions").at("fp16").at("factor"), 0);
  EXPECT_FALSE(all_reachable(all));
  EXPECT_EQ(calibration_json(all).at("precisions").at("fp16").at("reachable"), false);
}

TEST(PeakFigures, FollowFromClockVoltageAndEnergies) {
  const std::vector<PeakFigures> all = peak_figures(kTrainer);
  ASSERT_EQ(all.size(), 10U);  // five points, two precisions
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_DOUBLE_EQ(all[i].peak_GFLOPS, 2.048 * all[i].clock_MHz);
    EXPECT_GT(all[i].sparse_GFLOPS, 10 * all[i].peak_GFLOPS);
    // dense: FLOP per s over W
    EXPECT_LE(all[i].efficiency.dense_TFLOPS_per_W * all[i].dense_mW, all[i].peak_GFLOPS * (1 + 1e-9));
    EXPECT_GT(all[i].efficiency.dense_TFLOPS_per_W * all[i].dense_mW, 0.5 * all[i].peak_GFLOPS);
    if (i >= 2) {  // the lowest voltage is the most efficient
      EXPECT_LT(all[i].efficiency.dense_TFLOPS_per_W, all[i - 2].efficiency.dense_TFLOPS_per_W);
    }
  }
  EXPECT_EQ(peak_json(all).at("points").size(), all.size());
  EXPECT_THAT(peak_report(kTrainer, all), HasSubstr(fmt::format("{:.2f}", all[9].efficiency.sparse_TFLOPS_per_W)));
}

TEST(PeakFigures, APrecisionWithoutAllItsRowsIsRefused) {
  const testing_help::TemporaryFolder folder;
  const std::string table(embedded::cost_tables().front().text);
  const size_t row = table.find("  - event: lane_active\n    precision: fp8");
  ASSERT_NE(row, std::string::npos);
  const std::string path = edited_table(folder, table.substr(row, table.find("  - event", row + 1) - row), "");
  try {
    peak_figures({"trainer-28nm", {"cost=" + path}});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("'lane_active'"), HasSubstr("precision fp16, none at fp8")));
  }
}

}  // namespace
}  // namespace trainer
