#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/program.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::ProgramResult;
using testing_help::run_program;
using testing_help::TemporaryFolder;

constexpr const char* kLayer = "n8c16k12h6r3p1";
constexpr int64_t kDenseMacs = 8 * 12 * 36 * 16 * 9;

nlohmann::json simulate(const std::vector<std::string>& more, const char* layer = kLayer) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = {"simulate", "--json", "--layer", layer};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ProgramResult result = run_program(folder.path(), arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

TEST(Simulate, PartsAreTheTotals) {
  const nlohmann::json document = simulate({"--density", "x=0.5,w=0.2,dz=0.7"});
  ASSERT_EQ(document.at("processors").size(), 2U);
  for (const auto& [name, processor] : document.at("processors").items()) {
    ASSERT_EQ(processor.at("phases").size(), 3U) << name;
    int64_t cycles = 0;
    double system_J = 0;
    for (const auto& [phase, row] : processor.at("phases").items()) {
      EXPECT_EQ(row.at("dense_macs"), kDenseMacs);
      EXPECT_EQ(row.at("effectual_macs").get<int64_t>() + row.at("skipped_by_input").get<int64_t>() +
                    row.at("skipped_by_weight").get<int64_t>() + row.at("skipped_by_output").get<int64_t>(),
                kDenseMacs);
      EXPECT_EQ(row.at("events").at("mac").at("count"), row.at("effectual_macs"));
      cycles += row.at("cycles").get<int64_t>();
      double core_J = 0;
      double dram_J = 0;
      for (const auto& [event, entry] : row.at("events").items()) {
        const double energy_J = entry.at("energy_J");
        EXPECT_NEAR(energy_J, entry.at("count").get<double>() * entry.at("pJ_each").get<double>() * 1e-12,
                    1e-9 * energy_J)
            << event;
        (entry.at("part") == "core" ? core_J : dram_J) += energy_J;
      }
      EXPECT_NEAR(row.at("core_energy_J"), core_J, 1e-9 * core_J);
      EXPECT_NEAR(row.at("system_energy_J"), core_J + dram_J, 1e-9 * (core_J + dram_J));
      system_J += row.at("system_energy_J").get<double>();
    }
    EXPECT_EQ(processor.at("cycles"), cycles);
    EXPECT_NEAR(processor.at("system_energy_J"), system_J, 1e-9 * system_J);
  }
}

TEST(Simulate, NothingIsSkippedWhereNothingCanBe) {
  const nlohmann::json processor = simulate({"--density", "x=0.5,w=0.2"}).at("processors").at("dense-28nm");
  for (const auto& [phase, row] : processor.at("phases").items()) {
    EXPECT_EQ(row.at("effectual_macs"), kDenseMacs) << phase;
  }
}

TEST(Simulate, NoWeightNoWork) {
  const nlohmann::json document = simulate({"--density", "w=0", "--phase", "FF", "--processor", "trainer-28nm"});
  const nlohmann::json& row = document.at("processors").at("trainer-28nm").at("phases").at("FF");
  EXPECT_EQ(row.at("skipped_by_weight"), kDenseMacs);
  EXPECT_EQ(row.at("effectual_macs"), 0);
  EXPECT_FALSE(row.at("events").contains("lane_active"));
  EXPECT_EQ(row.at("bound"), "memory") << "X is loaded and Z stored all the same";
  EXPECT_EQ(document.at("density_of_operands").at("w"), 0.0);
}

TEST(Simulate, ThePlaceOfZerosIsTheSeedsAlone) {
  const std::vector<std::string> all = {"--density", "x=0.5,w=0.5,dz=0.5", "--seed", "7"};
  const nlohmann::json three = simulate(all);
  EXPECT_EQ(three, simulate(all));
  std::vector<std::string> one = all;
  one.insert(one.end(), {"--phase", "WG", "--processor", "trainer-28nm"});
  EXPECT_EQ(simulate(one).at("processors").at("trainer-28nm").at("phases").at("WG"),
            three.at("processors").at("trainer-28nm").at("phases").at("WG"));
  EXPECT_NE(simulate({"--density", "x=0.5,w=0.5,dz=0.5", "--seed", "8"}).at("processors"), three.at("processors"));
}

TEST(Simulate, ParametersAreOverridden) {
  const std::vector<std::string> base = {"--processor", "trainer-28nm", "--phase", "FF"};
  std::vector<std::string> small = base;
  small.insert(small.end(), {"--set", "array.lanes=1"});
  EXPECT_GT(simulate(small).at("processors").at("trainer-28nm").at("cycles").get<int64_t>(),
            simulate(base).at("processors").at("trainer-28nm").at("cycles").get<int64_t>());
}

TEST(Simulate, TheTableOpensTheEnergy) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(folder.path(), {"simulate", "--layer", kLayer, "--density", "x=0.5,w=0.1"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const char* text : {"utilisation_%", "by_weight", "pJ_each", "mac ", "dram_read", "= system", "total",
                           "trainer-28nm against dense-28nm"}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
}

TEST(Simulate, ExplainsTheDataflow) {
  const std::vector<std::string> options = {"--density", "x=0.5,w=0.2", "--processor", "trainer-28nm"};
  std::vector<std::string> explained = options;
  explained.emplace_back("--explain-dataflow");
  const nlohmann::json with = simulate(explained).at("processors").at("trainer-28nm");
  const nlohmann::json without = simulate(options).at("processors").at("trainer-28nm");
  EXPECT_FALSE(without.contains("dataflow"));
  EXPECT_EQ(with.at("cycles"), without.at("cycles")) << "looking at other dataflows changes nothing";
  const nlohmann::json& dataflow = with.at("dataflow");
  EXPECT_EQ(dataflow.at("cycles"), with.at("cycles"));
  ASSERT_EQ(dataflow.at("layers").size(), 3U);
  ASSERT_EQ(dataflow.at("pinned").size(), 48U);
  EXPECT_LE(dataflow.at("best_cycles"), dataflow.at("cycles"));
  EXPECT_GE(dataflow.at("regret"), 0.0);
  // Each pinned figure is what a processor with that choice makes.
  const nlohmann::json& pinned = dataflow.at("pinned")[16];
  EXPECT_EQ(pinned.at("dataflow"), "weight-compressed 1x8x1 balanced");
  std::vector<std::string> fixed = options;
  fixed.insert(fixed.end(),
               {"--set", "dataflow=weight-compressed", "--set", "grouping=1x8x1", "--set", "assignment=balanced"});
  EXPECT_EQ(simulate(fixed).at("processors").at("trainer-28nm").at("cycles"), pinned.at("cycles"));
}

// A kernel of one pixel: every position meets every weight, so shares of MACs are shares of values.
constexpr const char* kPointwise = "n8c16k12h6r1";
constexpr int64_t kPointwiseMacs = 8 * 12 * 36 * 16;
constexpr int64_t kPointwiseOutputs = 8 * 12 * 36;
constexpr int64_t kPointwiseInputs = 8 * 16 * 36;

nlohmann::json phase_of(const nlohmann::json& document, const char* processor, const char* phase) {
  return document.at("processors").at(processor).at("phases").at(phase);
}

TEST(Simulate, OutputsThatSpeculationSkips) {
  const nlohmann::json document = simulate({"--density", "z=0.6"}, kPointwise);
  EXPECT_EQ(document.at("after"), (nlohmann::json{"bn", "relu"})) << "where speculation takes part";
  const double wanted = document.at("density_of_operands").at("z");
  EXPECT_NEAR(wanted, 0.6, 0.03);
  const nlohmann::json row = phase_of(document, "trainer-28nm", "FF");
  EXPECT_EQ(row.at("effectual_macs"), std::llround(wanted * kPointwiseMacs));
  EXPECT_EQ(row.at("skipped_by_output"), kPointwiseMacs - std::llround(wanted * kPointwiseMacs));
  EXPECT_EQ(row.at("events").at("predict").at("count"), kPointwiseOutputs);
  EXPECT_EQ(row.at("events").at("estimate").at("count"), kPointwiseMacs);
  EXPECT_EQ(row.at("loaded_bytes").at("shortcut"), 0);
  EXPECT_EQ(phase_of(document, "dense-28nm", "FF").at("effectual_macs"), kPointwiseMacs);
  EXPECT_EQ(phase_of(document, "trainer-28nm", "WG").at("effectual_macs"), kPointwiseMacs);

  const nlohmann::json all = simulate({"--density", "z=1"}, kPointwise);
  EXPECT_EQ(phase_of(all, "trainer-28nm", "FF").at("effectual_macs"), kPointwiseMacs);
  EXPECT_EQ(phase_of(all, "trainer-28nm", "FF").at("events").at("estimate").at("count"), kPointwiseMacs)
      << "estimated, though nothing is skipped";
  const nlohmann::json without = simulate({}, kPointwise);
  EXPECT_FALSE(without.at("density_of_operands").contains("z"));
  EXPECT_FALSE(phase_of(without, "trainer-28nm", "FF").at("events").contains("estimate"));
}

TEST(Simulate, TheShortcutIsLoadedForThePrediction) {
  const nlohmann::json document = simulate({"--density", "z=0.6", "--after", "bn,add,relu"}, kPointwise);
  EXPECT_EQ(phase_of(document, "trainer-28nm", "FF").at("loaded_bytes").at("shortcut"), 2 * kPointwiseOutputs);
  EXPECT_EQ(phase_of(document, "dense-28nm", "FF").at("loaded_bytes").at("shortcut"), 0);
}

TEST(Simulate, TheControllerExpectsWhatIsWanted) {
  const auto predicted = [](const char* z) {
    const nlohmann::json document =
        simulate({"--density", z, "--set", "memory.bandwidth_GBps=10000", "--set", "speculation.lanes=512",
                  "--processor", "trainer-28nm", "--phase", "FF", "--explain-dataflow"},
                 "n64c64k64h16r3p1d0.5");
    return document.at("processors").at("trainer-28nm").at("dataflow").at("predicted_cycles").get<int64_t>();
  };
  EXPECT_LT(predicted("z=0.2"), predicted("z=1"));
}

TEST(Simulate, TheReluBelowMasksBP) {
  const std::vector<std::string> density = {"--density", "x=0.4"};
  const nlohmann::json document = simulate({"--density", "x=0.4", "--before", "relu"}, kPointwise);
  const auto on = std::llround(document.at("density_of_operands").at("x").get<double>() * kPointwiseMacs);
  const nlohmann::json row = phase_of(document, "trainer-28nm", "BP");
  EXPECT_EQ(row.at("effectual_macs"), on);
  EXPECT_EQ(row.at("skipped_by_output"), kPointwiseMacs - on);
  EXPECT_EQ(row.at("loaded_bytes").at("bitmap"), kPointwiseInputs / 8);
  EXPECT_EQ(phase_of(document, "dense-28nm", "BP").at("effectual_macs"), kPointwiseMacs);
  EXPECT_EQ(phase_of(simulate(density, kPointwise), "trainer-28nm", "BP").at("effectual_macs"), kPointwiseMacs);
}

TEST(Simulate, ADecoupledBatchNormIsAppliedOnTheLoad) {
  const auto loaded = [](const std::vector<std::string>& more, const char* phase) {
    std::vector<std::string> arguments = {"--density", "x=0.25,dz=0.25"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return phase_of(simulate(arguments, kPointwise), "trainer-28nm", phase).at("loaded_bytes");
  };
  EXPECT_EQ(loaded({"--before", "bn,relu"}, "FF").at("X"), 2 * kPointwiseInputs) << "Z, which has no zeros";
  EXPECT_LT(loaded({"--before", "relu"}, "FF").at("X"), kPointwiseInputs);
  EXPECT_EQ(loaded({"--after", "bn"}, "BP").at("dZ"), 2 * kPointwiseOutputs) << "dY";
  EXPECT_LT(loaded({}, "BP").at("dZ"), kPointwiseOutputs);
}

TEST(Simulate, ZerosBehindABatchNormAreOfPrunedGradients) {
  const auto events = [](const char* density, const char* after) {
    return phase_of(simulate({"--density", density, "--after", after}, kPointwise), "trainer-28nm", "WG").at("events");
  };
  EXPECT_EQ(events("dz=0.5", "bn,relu").at("prune").at("count"), kPointwiseOutputs);
  EXPECT_FALSE(events("dz=1", "bn,relu").contains("prune"));
  EXPECT_FALSE(events("dz=0.5", "relu").contains("prune")) << "those of the ReLU";
}

TEST(Simulate, WantedOutputsAreTheSeedsAlone) {
  const auto row = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--density", "x=0.5,w=0.5,z=0.5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return phase_of(simulate(arguments), "trainer-28nm", "FF");
  };
  EXPECT_EQ(row({}), row({"--phase", "FF", "--processor", "trainer-28nm"}));
  EXPECT_NE(row({"--seed", "8"}), row({"--seed", "9"}));
}

}  // namespace
}  // namespace trainer
