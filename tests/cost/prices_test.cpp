#include "cost/prices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cost/scaling.h"
#include "cost/small_table.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_help::processor_at;
using testing_help::small_table;

constexpr const char* kIdleForFp8 =
    "  - {event: lane_idle, precision: fp8, value: 7, unit: pJ, share: control, node: 40 nm, voltage_V: 0.9, source: "
    "s, scope: c}\n";
constexpr const char* kHalf = "calibration:\n  - {precision: fp16, factor: 0.5, target_TFLOPS_per_W: 2, source: s}\n";

TEST(Prices, AtTheRowsOwnPointTheyAreTheRows) {
  const Prices prices(small_table(), processor_at(0.6, 50, "fp16"));
  EXPECT_DOUBLE_EQ(prices.pJ(Event::mac), 0.5);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::lane_active), 3);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::cycle), 40);  // 2 mW / 50 MHz
  EXPECT_DOUBLE_EQ(prices.pJ(Event::dram_read), 64);
}

TEST(Prices, EachShareFollowsTheVoltageByItsOwnRule) {
  const Prices prices(small_table(), processor_at(0.75, 100, "fp16"));
  const double switching = energy_scale({28, 0.6}, {28, 0.75});
  EXPECT_GT(switching, 1.1);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::mac), 0.5 * switching);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::lane_active), 3 * switching);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::cycle), 20 * 1.25 * 1.25 * 1.25);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::dram_read), 64);
}

TEST(Prices, ASlowerClockLeaksForLonger) {
  const Prices prices(small_table(), processor_at(0.6, 25, "fp16"));
  EXPECT_DOUBLE_EQ(prices.pJ(Event::cycle), 80);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::mac), 0.5);
}

TEST(Prices, RowsOfOtherNodesAreScaledToTheTables) {
  const Prices prices(small_table(kIdleForFp8), processor_at(0.6, 50, "fp8"));
  EXPECT_DOUBLE_EQ(prices.pJ(Event::lane_idle), 7 * energy_scale({40, 0.9}, {28, 0.6}));
}

TEST(Prices, CalibrationIsOnTheControlShareOfItsPrecisionAlone) {
  const CostTable table = small_table(kIdleForFp8, kHalf);
  const Prices calibrated(table, processor_at(0.6, 50, "fp16"));
  const Prices plain(table, processor_at(0.6, 50, "fp16"), Calibration::left_out);
  EXPECT_DOUBLE_EQ(calibrated.pJ(Event::lane_active), 1.5);
  EXPECT_DOUBLE_EQ(plain.pJ(Event::lane_active), 3);
  for (const Event event : {Event::mac, Event::cycle, Event::dram_read}) {
    EXPECT_EQ(calibrated.pJ(event), plain.pJ(event));
  }
  EXPECT_DOUBLE_EQ(Prices(table, processor_at(0.6, 50, "fp8")).pJ(Event::lane_active), 3);
}

TEST(Prices, BufferEventsFollowTheSizeOfTheirOwnPart) {
  const std::string rest = ", unit: pJ, share: memory, node: 28 nm, voltage_V: 0.6, source: s, scope: c";
  const CostTable table = small_table("  - {event: activation_read, value: 2, at_KB: 64, size_exponent: 0.5" + rest +
                                      "}\n" + "  - {event: weight_write, value: 3, at_KB: 256, size_exponent: 1" +
                                      rest + "}\n" + "  - {event: output_read, value: 5, at_KB: 256, size_exponent: 0" +
                                      rest + "}\n" + "  - {event: output_write, value: 7" + rest + "}\n");
  ProcessorParameters processor = processor_at(0.6, 50, "fp16");
  processor.activations_KB = 576;
  processor.weights_KB = 128;
  processor.outputs_KB = 1024;
  const Prices prices(table, processor);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::activation_read), 2 * 3);  // the root of 9 times the size
  EXPECT_DOUBLE_EQ(prices.pJ(Event::weight_write), 3 * 0.5);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::output_read), 5);
  EXPECT_DOUBLE_EQ(prices.pJ(Event::output_write), 7) << "a row without a size holds for any";
  processor.activations_KB = 64;
  EXPECT_DOUBLE_EQ(Prices(table, processor).pJ(Event::activation_read), 2);
  EXPECT_DOUBLE_EQ(Prices(table, processor).pJ(Event::weight_write), prices.pJ(Event::weight_write));
}

TEST(Prices, AMissingRowSaysWhetherItIsThePrecisionThatIsMissing) {
  const Prices prices(small_table(kIdleForFp8), processor_at(0.6, 50, "fp16"));
  EXPECT_EQ(prices.row(Event::lane_idle), nullptr);
  try {
    prices.pJ(Event::lane_idle);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'small'"), HasSubstr("'lane_idle'"), HasSubstr("at precision fp8"),
                                    HasSubstr("none at fp16")));
  }
  try {
    prices.pJ(Event::mac_fp8);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no row for event 'mac_fp8'"));
  }
}

TEST(Prices, APointOutOfReachIsRefused) {
  EXPECT_THROW(Prices(small_table(), processor_at(0.6, 51, "fp16")), UsageError);
  EXPECT_THROW(Prices(small_table(), processor_at(0.5, 10, "fp16")), UsageError);
}

}  // namespace
}  // namespace trainer
