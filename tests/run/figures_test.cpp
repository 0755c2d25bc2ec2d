#include "run/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>

#include "run/batchnorm_share.h"
#include "run/dataflow_report.h"
#include "run/processor_table.h"
#include "run/results.h"
#include "run/summary.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using testing_help::small_result;

TEST(Figures, SumsByHand) {
  const ProcessorResult result = small_result();
  const std::vector<Figures> phases = phase_figures(result);
  ASSERT_EQ(phases.size(), 5U);
  EXPECT_EQ(phases[0].dense_macs, 600 + 400);
  EXPECT_EQ(phases[0].effectual_macs, 300 + 100);
  EXPECT_EQ(phases[0].cycles, 6 + 4);
  EXPECT_DOUBLE_EQ(utilisation(result, phases[0]), 400.0 / (100 * 10));
  EXPECT_DOUBLE_EQ(utilisation(result, phases[3]), 0);
  EXPECT_DOUBLE_EQ(time_s(result, phases[0]), 10 / 200e6);

  const Figures total = total_figures(result);
  EXPECT_EQ(total.dense_macs, 1000 + 500 + 1500);
  EXPECT_EQ(total.effectual_macs, 400 + 50 + 150);
  EXPECT_EQ(total.cycles, 10 + 5 + 15 + 7 + 3);
  EXPECT_EQ(total.mac_cycles, 10 + 5 + 15);
  EXPECT_DOUBLE_EQ(total.core_energy_J, 8e-6);
  EXPECT_DOUBLE_EQ(utilisation(result, total), 600.0 / (100 * 30));
}

TEST(Figures, NoRowsAreZero) {
  ProcessorResult result;
  result.clock_MHz = 100;
  EXPECT_EQ(total_figures(result).cycles, 0);
  EXPECT_EQ(utilisation(result, total_figures(result)), 0);
}

// 100 MACs per cycle; 4 bytes per cycle.
TEST(Roofline, ComputeOrMemoryAndByHowMuch) {
  ProcessorResult result = small_result();
  result.peak_macs_per_cycle = 100;
  result.dram_bytes_per_cycle = 4;
  Figures figures;
  figures.effectual_macs = 800;
  figures.cycles = 50;
  figures.compute_cycles = 40;
  figures.memory_cycles = 10;
  figures.dram_bytes = 16;
  const Roofline compute = roofline(result, figures);
  EXPECT_EQ(bound_text(compute), "compute 4.00x");
  EXPECT_DOUBLE_EQ(compute.macs_per_byte, 50);
  EXPECT_DOUBLE_EQ(compute.macs_per_cycle, 16);
  EXPECT_DOUBLE_EQ(compute.roof_macs_per_cycle, 100) << "50 MACs per byte * 4 bytes per cycle are more than the peak";
  figures.memory_cycles = 100;
  figures.dram_bytes = 160;
  const Roofline memory = roofline(result, figures);
  EXPECT_EQ(bound_text(memory), "memory 2.50x");
  EXPECT_DOUBLE_EQ(memory.roof_macs_per_cycle, 20);
  EXPECT_EQ(bound_text(roofline(result, {})), "compute");
}

TEST(Dataflows, ReportSumsChoicesAndNamesTheBestPinnedOne) {
  ProcessorResult result;
  result.name = "p";
  result.observed_steps = 2;
  result.peak_macs_per_cycle = 10;
  EXPECT_EQ(dataflow_report(result), "");
  result.dataflows = {"one", "two"};
  DataflowChoice first;
  first.layer = "conv1";
  first.chosen = first.best = "one";
  first.effectual_macs = 400;
  first.predicted_cycles = 90;
  first.cycles = 100;
  first.best_cycles = 100;
  first.pinned_cycles = {100, 150};
  DataflowChoice second = first;
  second.layer = "conv2";
  second.phase = Phase::WG;
  second.best = "two";
  second.cycles = 60;
  second.best_cycles = 50;
  second.pinned_cycles = {110, 50};
  result.choices = {first, second};
  const DataflowSummary summary = summarise_dataflows(result);
  EXPECT_DOUBLE_EQ(summary.utilisation, 800 / 1600.0);
  EXPECT_DOUBLE_EQ(summary.hindsight_utilisation, 800 / 1500.0);
  EXPECT_EQ(summary.best_pinned, 1U);
  EXPECT_DOUBLE_EQ(summary.best_pinned_utilisation, 800 / 2000.0);
  EXPECT_DOUBLE_EQ(summary.gain, 200 / 160.0);
  EXPECT_DOUBLE_EQ(summary.regret, 160 / 150.0 - 1);
  const std::string report = dataflow_report(result);
  EXPECT_THAT(report, testing::HasSubstr("50.00 % as chosen, 40.00 % in the best pinned dataflow (two): gain 1.250x, "
                                         "regret 6.67 %"));
  EXPECT_THAT(report, testing::HasSubstr("20.00\n")) << "conv2's regret";
  const nlohmann::json document = dataflow_json(result);
  EXPECT_EQ(document.at("layers")[1].at("best"), "two");
  EXPECT_EQ(document.at("pinned")[0].at("cycles"), 210);
  EXPECT_DOUBLE_EQ(document.at("gain"), 1.25);
}

TEST(Summary, HasTheStableKeys) {
  const nlohmann::json document = processors_json({small_result("p")}).at("p");
  const std::vector<std::string> keys = {"time_s",        "core_energy_J",  "system_energy_J", "utilisation",
                                         "dense_macs",    "effectual_macs", "cycles",          "compute_cycles",
                                         "memory_cycles", "dram_bytes"};
  for (const std::string& key : keys) {
    EXPECT_TRUE(document.at(key).is_number()) << key;
    EXPECT_TRUE(document.at("per_step").at(key).is_number()) << key;
    for (const char* phase : {"FF", "BP", "WG", "BN", "UP"}) {
      EXPECT_TRUE(document.at("phases").at(phase).at(key).is_number()) << phase << key;
      EXPECT_TRUE(document.at("per_step").at("phases").at(phase).at(key).is_number()) << phase << key;
    }
  }
  EXPECT_EQ(document.at("observed_steps"), 4);
  EXPECT_EQ(document.at("cycles"), 40);
  EXPECT_DOUBLE_EQ(document.at("time_s"), 40 / 200e6);
  EXPECT_DOUBLE_EQ(document.at("per_step").at("cycles"), 40.0 / 4);
  EXPECT_DOUBLE_EQ(document.at("per_step").at("core_energy_J"), 8e-6 / 4);
  EXPECT_EQ(document.at("per_step").at("utilisation"), document.at("utilisation"));
}

TEST(Summary, TrafficIsByOperandAndPhase) {
  const nlohmann::json document = processors_json({small_result("p")}).at("p");
  const nlohmann::json& all = document.at("loaded_bytes");
  EXPECT_EQ(all.at("X"), 30) << "8 bits for each of the 30 cycles of FF, BP and WG";
  EXPECT_EQ(all.at("W"), 15);
  EXPECT_EQ(all.at("dZ"), 60);
  EXPECT_DOUBLE_EQ(all.at("sums"), 5 * 3 / 8.0);
  EXPECT_DOUBLE_EQ(all.at("shortcut"), 7.5);
  EXPECT_DOUBLE_EQ(all.at("bitmap"), 30 / 8.0);
  EXPECT_EQ(document.at("stored_bytes"), 2 * 40);
  EXPECT_EQ(document.at("phases").at("FF").at("loaded_bytes").at("X"), 10);
  EXPECT_EQ(document.at("phases").at("BN").at("loaded_bytes").at("X"), 0);
  EXPECT_EQ(document.at("phases").at("UP").at("stored_bytes"), 6);
  EXPECT_DOUBLE_EQ(document.at("per_step").at("loaded_bytes").at("dZ"), 60 / 4.0);
  EXPECT_DOUBLE_EQ(document.at("per_step").at("phases").at("FF").at("loaded_bytes").at("W"), 5 / 4.0);
  EXPECT_DOUBLE_EQ(document.at("per_step").at("stored_bytes"), 80 / 4.0);
}

/// small_result() with a second BN layer of 3 cycles.
ProcessorResult two_batchnorms(const std::string& name) {
  ProcessorResult result = small_result(name);
  LayerPhaseResult row;
  row.layer = "bn2";
  row.phase = Phase::BN;
  row.cycles = 10;
  row.core_energy_J = 1.5e-6;
  row.system_energy_J = 3e-6;
  result.rows.push_back(row);
  return result;
}

TEST(BatchNorm, SharesAreOfTheWholeStep) {
  const ProcessorResult result = two_batchnorms("p");
  const std::vector<BatchNormShare> shares = batchnorm_shares(result);
  ASSERT_EQ(shares.size(), 2U);
  EXPECT_EQ(shares[1].layer, "bn2");
  EXPECT_DOUBLE_EQ(shares[0].time, 7.0 / 50);
  EXPECT_DOUBLE_EQ(shares[1].time, 10.0 / 50);
  EXPECT_DOUBLE_EQ(shares[1].core_energy, 1.5 / 9.5);
  EXPECT_DOUBLE_EQ(shares[1].system_energy, 3 / 14.5);
  const BatchNormShare total = batchnorm_total(result);
  EXPECT_DOUBLE_EQ(total.time, 17.0 / 50);
  EXPECT_DOUBLE_EQ(total.core_energy, 2 / 9.5);
  EXPECT_DOUBLE_EQ(total.system_energy, 3.5 / 14.5);

  const nlohmann::json document = processors_json({result}).at("p").at("batchnorm");
  EXPECT_DOUBLE_EQ(document.at("time_share"), 17.0 / 50);
  EXPECT_DOUBLE_EQ(document.at("core_energy_share"), 2 / 9.5);
  EXPECT_DOUBLE_EQ(document.at("system_energy_share"), 3.5 / 14.5);
  ASSERT_EQ(document.at("layers").size(), 2U);
  EXPECT_EQ(document.at("layers")[0].at("layer"), "bn1");
  EXPECT_DOUBLE_EQ(document.at("layers")[0].at("time_s"), 7 / 200e6);
  EXPECT_DOUBLE_EQ(document.at("layers")[0].at("time_share"), 7.0 / 50);
  EXPECT_DOUBLE_EQ(document.at("layers")[1].at("core_energy_J"), 1.5e-6);
}

TEST(BatchNorm, TableHasEveryProcessorAndIsEmptyWithoutBatchNorm) {
  const std::string table = batchnorm_table({small_result("a"), two_batchnorms("a:batchnorm.unit=conventional")});
  EXPECT_THAT(table, HasSubstr("a:batchnorm.unit=conventional     34.00            21.05              24.14\n"));
  EXPECT_THAT(table, HasSubstr("17.50"));
  ProcessorResult none = small_result("a");
  std::erase_if(none.rows, [](const LayerPhaseResult& row) { return row.phase == Phase::BN; });
  EXPECT_EQ(batchnorm_table({none}), "");
  EXPECT_EQ(batchnorm_total(none).time, 0);
  EXPECT_EQ(batchnorm_total({}).core_energy, 0);
}

TEST(Summary, PhasesSumToTheTotal) {
  const nlohmann::json document = processors_json({small_result("p")}).at("p");
  for (const char* key : {"dense_macs", "effectual_macs", "cycles", "dram_bytes", "core_energy_J", "system_energy_J"}) {
    double sum = 0;
    for (const auto& phase : document.at("phases")) {
      sum += phase.at(key).get<double>();
    }
    EXPECT_DOUBLE_EQ(sum, document.at(key).get<double>()) << key;
  }
}

TEST(Summary, LayersKeepEveryRow) {
  const nlohmann::json rows = layers_json({small_result("p")}).at("p");
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[1].at("layer"), "conv1");
  EXPECT_EQ(rows[1].at("phase"), "WG");
  EXPECT_EQ(rows[1].at("effectual_macs"), 100);
  EXPECT_EQ(rows[1].at("loaded_bytes").at("dZ"), 20);
  EXPECT_EQ(rows[1].at("stored_bytes"), 20);
}

/// The cells of every line of a table's body.
std::vector<std::vector<std::string>> cells(const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 120U) << line;
    std::istringstream words(line);
    rows.emplace_back(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>());
  }
  return rows;
}

void expect_totals_are_sums(const std::string& table, size_t layer_rows) {
  const auto rows = cells(table);
  ASSERT_EQ(rows.size(), 2 + layer_rows + 1 + 5 + 1);
  const auto& total = rows.back();
  ASSERT_EQ(total.front(), "total");
  // Columns counted from the right, as the total has no phase: energies are shown to 0.001, each part within half of
  // it.
  const auto column = [&](size_t first, size_t last, size_t from_right) {
    double sum = 0;
    for (size_t i = first; i < last; ++i) {
      sum += std::stod(rows[i][rows[i].size() - from_right]);
    }
    return sum;
  };
  const size_t phases = 2 + layer_rows + 1;
  for (const size_t from_right : {1, 2, 4, 5, 6}) {
    const double shown = std::stod(total[total.size() - from_right]);
    const double tolerance = from_right <= 2 ? 0.0005 * static_cast<double>(layer_rows + 1) : 0;
    EXPECT_NEAR(column(2, 2 + layer_rows, from_right), shown, tolerance) << from_right;
    EXPECT_NEAR(column(phases, phases + 5, from_right), shown, tolerance) << from_right;
  }
}

TEST(ProcessorTable, TotalsAreTheSumsOfTheirParts) {
  const std::string table = processor_table(small_result());
  EXPECT_THAT(table, StartsWith("small: sums over 4 observed steps, 0.0002 ms at 200 MHz\n"));
  EXPECT_THAT(table, HasSubstr("layer  phase dense_MACs effectual_MACs cycles utilisation_% core_energy_nJ "
                               "system_energy_nJ\n"));
  expect_totals_are_sums(table, 7);
}

TEST(ProcessorTable, LongNamesAndCountsFitTheWidth) {
  ProcessorResult result;
  result.name = "long";
  result.observed_steps = 1000;
  result.clock_MHz = 200;
  for (int layer = 0; layer < 60; ++layer) {
    for (const Phase phase : {Phase::FF, Phase::BP, Phase::WG}) {
      LayerPhaseResult row;
      row.layer = "features.stage4.block17.convolution" + std::to_string(layer);
      row.phase = phase;
      row.dense_macs = 900'000'000'000 + layer;
      row.effectual_macs = 90'000'000'000;
      row.cycles = 1'000'000'000;
      row.utilisation = 0.9;
      row.core_energy_J = 1.23456 + layer;
      row.system_energy_J = 2.34567;
      result.rows.push_back(row);
    }
    LayerPhaseResult norm;
    norm.layer = "features.stage4.block17.norm" + std::to_string(layer);
    norm.phase = Phase::BN;
    norm.cycles = 77;
    norm.core_energy_J = 0.1;
    norm.system_energy_J = 0.2;
    result.rows.push_back(norm);
  }
  const std::string table = processor_table(result);
  EXPECT_THAT(table, HasSubstr("convolution59"));
  expect_totals_are_sums(table, 240);
}

TEST(Comparison, RatiosToDense) {
  ProcessorResult dense = small_result("dense-28nm");
  for (LayerPhaseResult& row : dense.rows) {
    row.cycles *= 5;
    row.core_energy_J *= 4;
    row.system_energy_J *= 2;
    row.utilisation /= 5;
  }
  const std::string table = comparison_table({small_result("trainer-28nm"), dense});
  EXPECT_THAT(table, HasSubstr("ratios to dense-28nm"));
  EXPECT_THAT(table, HasSubstr("trainer-28nm against dense-28nm: time 5.00x less, core energy 4.00x less, system "
                               "energy 2.00x less\n"));
  const auto rows = cells(table);
  EXPECT_EQ(rows[2][5], "0.200");
  EXPECT_EQ(rows[2][6], "0.250");
  EXPECT_EQ(rows[2][7], "0.500");
  EXPECT_EQ(rows[3][5], "1.000");
}

TEST(Comparison, NeedsTwo) { EXPECT_EQ(comparison_table({small_result()}), ""); }

TEST(Comparison, TheFirstIsTheReferenceWithoutDense) {
  EXPECT_THAT(comparison_table({small_result("a"), small_result("b")}),
              HasSubstr("b against a: time 1.00x less, core energy 1.00x less"));
}

}  // namespace
}  // namespace trainer
