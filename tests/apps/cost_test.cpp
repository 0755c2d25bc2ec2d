#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/program.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_help::ProgramResult;
using testing_help::run_program;
using testing_help::TemporaryFolder;

ProgramResult run(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  return run_program(folder.path(), arguments);
}

nlohmann::json document_of(const std::vector<std::string>& arguments) {
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

void expect_misuse(const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
  const ProgramResult result = run(arguments);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  for (const std::string& part : parts) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
}

TEST(Cost, AreaPartsAreTheTotal) {
  const nlohmann::json area = document_of({"cost", "--json"}).at("area");
  double sum = area.at("remainder_mm2");
  for (const auto& [name, component] : area.at("components").items()) {
    sum += component.at("mm2").get<double>();
    EXPECT_FALSE(component.at("source").get<std::string>().empty()) << name;
  }
  EXPECT_NEAR(sum, area.at("total_mm2"), 1e-9);
  EXPECT_NEAR(sum, area.at("published_mm2"), 1e-9);
}

TEST(Cost, PricesAreThoseThatASimulationPays) {
  const std::vector<std::string> set = {"--set", "precision=fp8", "--set", "voltage_V=0.7", "--set", "clock_MHz=120"};
  std::vector<std::string> cost = {"cost", "trainer-28nm", "--json"};
  cost.insert(cost.end(), set.begin(), set.end());
  std::vector<std::string> simulate = {"simulate",     "--json",  "--processor",
                                       "trainer-28nm", "--layer", "n8c16k12h6r3p1"};
  simulate.insert(simulate.end(), set.begin(), set.end());
  const nlohmann::json prices = document_of(cost);
  const nlohmann::json counted = document_of(simulate).at("processors").at("trainer-28nm").at("phases").at("WG");
  ASSERT_TRUE(counted.at("events").contains("mac_fp8"));
  EXPECT_FALSE(counted.at("events").contains("mac"));
  for (const auto& [event, entry] : counted.at("events").items()) {
    const double pJ = prices.at("events").at(event).at("pJ_each");
    EXPECT_NEAR(entry.at("pJ_each"), pJ, 1e-9 * pJ) << event;
  }
  EXPECT_DOUBLE_EQ(prices.at("peak_GFLOPS"), 2 * 1024 * 0.12);
  EXPECT_DOUBLE_EQ(prices.at("fastest_clock_MHz"), 150);
}

TEST(Cost, TextOpensEnergyAndArea) {
  const ProgramResult result = run({"cost"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("lane_active"), HasSubstr("1.5 pJ at 45 nm, 0.9 V"), HasSubstr("remainder"),
                                HasSubstr("20.9600"), HasSubstr("a difference, not a finding")));
}

TEST(Cost, OperatingPointsAreListed) {
  const ProgramResult result = run({"list", "operating-points"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("28nm 0.60 V"), HasSubstr("clock_MHz=60"), HasSubstr("choice of this project")));
  EXPECT_EQ(document_of({"list", "costs", "--json"}).at(0).at("name"), "28nm");
}

TEST(Cost, MisuseIsOneLine) {
  expect_misuse({"cost", "trainer-29nm"}, {"unknown processor 'trainer-29nm'", "trainer-28nm"});
  expect_misuse({"cost", "--set", "voltage_V=0.4"}, {"voltage_V", "0.6 V to 1 V", "list operating-points"});
  expect_misuse({"cost", "--set", "clock_MHz=61"}, {"clock_MHz", "60 MHz", "0.6 V"});
  expect_misuse({"simulate", "--layer", "n8c8k8h6r3p1", "--set", "clock_MHz=61"}, {"clock_MHz", "60 MHz"});
  expect_misuse({"cost", "--set", "cost=28n"}, {"unknown cost table '28n'", "28nm"});
  expect_misuse({"cost", "--set", "precision=fp32"}, {"override precision=fp32", "fp16|fp8"});
  expect_misuse({"cost", "--efficiency", "--calibration"}, {"leave out one"});
  expect_misuse({"cost", "--calibrate"}, {"did you mean"});
  expect_misuse({"cost", "trainer-28nm", "dense-28nm"}, {"unexpected argument 'dense-28nm'"});
}

}  // namespace
}  // namespace trainer
