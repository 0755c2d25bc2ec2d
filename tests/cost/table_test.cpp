#include "cost/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/embedded.h"
#include "base/error.h"
#include "cost/scaling.h"
#include "cost/small_table.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::small_table;
using testing_help::small_table_text;

std::string message_of_table(const std::string& text) {
  try {
    parse_cost_table(text, "t.yaml");
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

std::string message_of_row(const std::string& row) { return message_of_table(small_table_text("  - " + row + "\n")); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(CostTable, EveryShippedTablePricesEveryEventAtEveryPrecision) {
  ASSERT_FALSE(cost_table_list().empty());
  for (const CostTable& table : cost_table_list()) {
    for (const std::string_view precision : cost_precisions()) {
      for (const EventEntry& entry : event_table()) {
        const CostRow* row = table.find(entry.event, precision);
        ASSERT_NE(row, nullptr) << entry.name << " " << precision;
        EXPECT_GT(row->value, 0);
        EXPECT_FALSE(row->source.empty());
      }
      ASSERT_NE(table.find_calibration(precision), nullptr);
      EXPECT_GE(table.find_calibration(precision)->factor, 0);
    }
    EXPECT_TRUE(table.area.has_value());
  }
  EXPECT_EQ(cost_table_list().size(), embedded::cost_tables().size());
}

// The figures of docs/cost.md, from their sources.
TEST(CostTable, RowsOf28nmAreTheirDerivations) {
  const CostTable table = load_cost_table("28nm");
  const auto scaled = [&](Event event, std::string_view precision) {
    const CostRow& row = *table.find(event, precision);
    return row.value * energy_scale({row.node_nm, row.voltage_V}, {28, 0.6});
  };
  EXPECT_NEAR(scaled(Event::mac, "fp16"), (0.4 + 1.1) * 0.305, 0.002);
  EXPECT_NEAR(scaled(Event::mac_fp8, "fp8"), (0.4 + 0.4) * 0.305, 0.001);
  EXPECT_NEAR(scaled(Event::lane_active, "fp16"), 96 * 0.009 * 0.3536, 0.001);
  EXPECT_NEAR(scaled(Event::lane_active, "fp8"), 64 * 0.009 * 0.3536, 0.001);
  EXPECT_NEAR(scaled(Event::lane_idle, "fp16"), scaled(Event::lane_active, "fp16") / 10, 1e-12);
  EXPECT_NEAR(scaled(Event::lane_idle, "fp8"), scaled(Event::lane_active, "fp8") / 10, 1e-12);
  EXPECT_NEAR(scaled(Event::dispatch, "fp16"), 2 * 64 * 0.009 * 0.3536, 0.001);
  EXPECT_NEAR(scaled(Event::bitmap_read, "fp16"), 1.50 / 128 * 0.6243, 1e-5);
  EXPECT_NEAR(scaled(Event::operand_read, "fp16"), 2.67 / 8 * 0.6243, 1e-4);
  EXPECT_NEAR(scaled(Event::accumulate, "fp16"), 64 * 0.009 * 0.3536, 0.001);
  for (const Event read : {Event::activation_read, Event::weight_read, Event::output_read}) {
    EXPECT_NEAR(scaled(read, "fp16"), 49.8 / 256 * 0.6243, 1e-4);
  }
  for (const Event write : {Event::activation_write, Event::weight_write, Event::output_write}) {
    EXPECT_NEAR(scaled(write, "fp16"), 46.6 / 256 * 0.6243, 1e-4);
  }
  const double add16 = 0.1 / 2 * 0.3051;  // half of a 32-bit addition
  EXPECT_NEAR(scaled(Event::estimate, "fp16"), 0.03 * 0.3051 + 2 * add16 + 32 * 0.009 * 0.3540, 2e-4);
  EXPECT_NEAR(scaled(Event::exponent_read, "fp16"), 6 * 2.67 / 128 * 0.6243, 1e-5);
  EXPECT_NEAR(scaled(Event::predict, "fp16"), add16 + 17 * 0.009 * 0.3540, 2e-4);
  EXPECT_NEAR(scaled(Event::prune, "fp16"), 2 * add16 + 16 * 0.009 * 0.3540, 2e-4);
  EXPECT_NEAR(scaled(Event::reduce, "fp16"), scaled(Event::fp32_add, "fp16"), 1e-12);
  EXPECT_NEAR(scaled(Event::bn_channel, "fp16"),
              12 * scaled(Event::fp32_multiply, "fp16") + 10 * scaled(Event::fp32_add, "fp16"), 1e-9);
}

/// The exponent e of energy = energies.back() * (KB / KBs.back())^e that fits best: least squares of logarithms.
double fitted_exponent(const std::vector<double>& KBs, const std::vector<double>& energies) {
  double products = 0;
  double squares = 0;
  for (size_t i = 0; i < KBs.size(); ++i) {
    const double x = std::log(KBs[i] / KBs.back());
    products += x * std::log(energies[i] / energies.back());
    squares += x * x;
  }
  return products / squares;
}

// CACTI 7, 256-bit words at 28 nm: pJ of one access.
TEST(CostTable, SizeExponentsOf28nmFitTheMacrosTheyAreOf) {
  const std::vector<double> KB = {16, 32, 64, 128, 256};
  const std::vector<double> read = {8.88, 11.5, 22.6, 31.3, 49.8};
  const std::vector<double> write = {13.5, 20.9, 24.6, 35.5, 46.6};
  const CostTable table = load_cost_table("28nm");
  const auto check = [&](Event event, const std::vector<double>& pJ) {
    const CostRow& row = *table.find(event, "fp16");
    ASSERT_TRUE(row.size.has_value()) << to_string(event);
    EXPECT_NEAR(row.size->exponent, fitted_exponent(KB, pJ), 0.005) << to_string(event);
    for (size_t i = 0; i < KB.size(); ++i) {
      const double fitted = row.value * 256 * std::pow(KB[i] / row.size->at_KB, row.size->exponent);
      EXPECT_NEAR(fitted / pJ[i], 1, 0.15) << to_string(event) << " " << KB[i];
    }
  };
  for (const Event event : {Event::activation_read, Event::weight_read, Event::output_read}) {
    check(event, read);
  }
  for (const Event event : {Event::activation_write, Event::weight_write, Event::output_write}) {
    check(event, write);
  }
}

TEST(CostTable, MisuseOfSizesNamesFileAndLine) {
  const std::string rest = ", value: 1, unit: pJ, share: memory, node: 28 nm, voltage_V: 1, source: s, scope: c}";
  EXPECT_THAT(message_of_row("{event: weight_read, at_KB: 256" + rest),
              HasSubstr("t.yaml:12: at_KB: at_KB and size_exponent go together"));
  EXPECT_THAT(message_of_row("{event: weight_read, size_exponent: 0.5" + rest),
              HasSubstr("t.yaml:12: size_exponent: at_KB and size_exponent go together"));
  EXPECT_THAT(message_of_row("{event: operand_read, at_KB: 4, size_exponent: 0.5" + rest),
              HasSubstr("t.yaml:12: at_KB: event 'operand_read' is not of a memory whose size a processor gives"));
  EXPECT_THAT(message_of_row("{event: weight_read, at_KB: 0, size_exponent: 0.5" + rest), HasSubstr("above 0"));
  EXPECT_THAT(message_of_row("{event: weight_read, at_KB: 1, size_exponent: -1" + rest), HasSubstr("not negative"));
}

TEST(CostTable, EventsAreListedInTheEnumsOrder) {
  for (size_t i = 0; i < kEvents; ++i) {
    EXPECT_EQ(static_cast<size_t>(event_table()[i].event), i);
  }
}

TEST(CostTable, ARowForOnePrecisionHoldsForItAlone) {
  const CostTable table = small_table(
      "  - {event: lane_idle, precision: fp8, value: 7, unit: pJ, share: control, node: 40 nm, voltage_V: 0.9, "
      "source: s, scope: c}\n");
  EXPECT_EQ(table.find(Event::lane_idle, "fp16"), nullptr);
  ASSERT_NE(table.find(Event::lane_idle, "fp8"), nullptr);
  EXPECT_EQ(table.find(Event::lane_idle, "fp8")->node_nm, 40);
  EXPECT_NE(table.find(Event::lane_active, "fp8"), nullptr);
  EXPECT_EQ(table.find_calibration("fp16"), nullptr);
  EXPECT_FALSE(table.area);
}

TEST(CostTable, MisuseOfRowsNamesFileAndLine) {
  const std::string rest = ", node: 28 nm, voltage_V: 1, source: s, scope: c}";
  const std::string read = "{event: operand_read, value: 1, unit: pJ, share: memory";
  EXPECT_THAT(message_of_row("{event: cycles, value: 1, unit: pJ, share: leakage" + rest),
              HasSubstr("t.yaml:12: unknown event 'cycles': did you mean 'cycle'?"));
  EXPECT_THAT(message_of_row("{event: reduce, value: -1, unit: pJ, share: memory" + rest),
              HasSubstr("t.yaml:12: value"));
  EXPECT_THAT(message_of_row("{event: reduce, value: x, unit: pJ, share: memory" + rest),
              HasSubstr("t.yaml:12: value"));
  EXPECT_THAT(message_of_row("{event: reduce, value: 1, unit: mW, share: memory" + rest), HasSubstr("t.yaml:12: unit"));
  EXPECT_THAT(message_of_row("{event: reduce, value: 1, unit: mW, share: leakage" + rest),
              HasSubstr("give it to the event 'cycle'"));
  EXPECT_THAT(message_of_row("{event: reduce, value: 1, unit: pJ, share: memries" + rest),
              HasSubstr("t.yaml:12: unknown share 'memries': did you mean 'memory'?"));
  EXPECT_THAT(message_of_row("{event: dram_write, value: 1, unit: pJ, share: memory" + rest),
              HasSubstr("t.yaml:12: share: event 'dram_write' has to be of the share dram"));
  EXPECT_THAT(message_of_row("{event: reduce, value: 1, unit: pJ, share: dram" + rest),
              HasSubstr("t.yaml:12: share: event 'reduce' cannot be of the share dram"));
  EXPECT_THAT(message_of_row("{event: mac, value: 1, unit: pJ, share: datapath" + rest),
              HasSubstr("t.yaml:12: event 'mac' has a row already"));
  EXPECT_THAT(message_of_row("{event: mac, precision: fp8, value: 1, unit: pJ, share: datapath" + rest),
              HasSubstr("has a row already"));
  EXPECT_THAT(message_of_row("{event: reduce, precision: fp9, value: 1, unit: pJ, share: memory" + rest),
              HasSubstr("t.yaml:12: unknown precision 'fp9': did you mean 'fp8'?"));
  EXPECT_THAT(message_of_row("{event: reduce, valu: 1, unit: pJ, share: memory" + rest),
              HasSubstr("t.yaml:12: unknown key 'valu': did you mean 'value'?"));
  EXPECT_THAT(message_of_row(read + "}"), HasSubstr("t.yaml:12: missing key 'node'"));
  EXPECT_THAT(message_of_row(read + ", node: LPDDR4, voltage_V: 1, source: s, scope: c}"), HasSubstr("such as 45 nm"));
  EXPECT_THAT(message_of_row(read + ", node: 3 nm, voltage_V: 1, source: s, scope: c}"), HasSubstr("7 to 130 nm"));
  EXPECT_THAT(message_of_row(read + ", node: 45 nm, voltage_V: 0, source: s, scope: c}"), HasSubstr("voltage_V"));
}

TEST(CostTable, MisuseOfTheTableNamesFileAndLine) {
  const std::string good = small_table_text();
  EXPECT_THAT(message_of_table("- 1\n"), HasSubstr("t.yaml:1"));
  EXPECT_THAT(message_of_table("a: : b\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(message_of_table(replaced(good, "node_nm: 28", "node_nm: 200")), HasSubstr("t.yaml:3: node_nm"));
  EXPECT_THAT(message_of_table(replaced(good, "node_nm: 28\n", "")), HasSubstr("missing key 'node_nm'"));
  EXPECT_THAT(message_of_table(replaced(good, "node: 28 nm, voltage_V: 0.6, source: s, scope: c}\n  - {event: lane",
                                        "node: 32 nm, voltage_V: 0.6, source: s, scope: c}\n  - {event: lane")),
              HasSubstr("t.yaml:9: node: leakage is not scaled between nodes"));
  EXPECT_THAT(message_of_table(good + "rowz: 1\n"), HasSubstr("t.yaml:12: unknown key 'rowz': did you mean 'rows'?"));
  EXPECT_THAT(message_of_table(good.substr(0, good.find("rows:")) + "rows: 3\n"),
              HasSubstr("t.yaml:7: rows: give a list"));
}

TEST(CostTable, MisuseOfCalibration) {
  const std::string factor = "  - {precision: fp16, factor: 0.5, target_TFLOPS_per_W: 2, source: s}\n";
  EXPECT_EQ(small_table("", "calibration:\n" + factor).find_calibration("fp16")->factor, 0.5);
  EXPECT_THAT(message_of_table(small_table_text("", "calibration:\n" + factor + factor)),
              HasSubstr("t.yaml:14: precision: fp16 has a factor already"));
  EXPECT_THAT(message_of_table(small_table_text("", "calibration:\n" + replaced(factor, "0.5", "-0.5"))),
              HasSubstr("t.yaml:13: factor"));
  EXPECT_THAT(message_of_table(small_table_text("", "calibration:\n" + replaced(factor, "W: 2", "W: 0"))),
              HasSubstr("t.yaml:13: target_TFLOPS_per_W"));
}

TEST(CostTable, UnknownNameListsTheKnownOnes) {
  try {
    load_cost_table("29nm");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("28nm"));
  }
  EXPECT_THROW(load_cost_table("/no/such/table.yaml"), UsageError);
}

}  // namespace
}  // namespace trainer
