#include "processor/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/embedded.h"
#include "base/error.h"
#include "cost/table.h"
#include "processor/dataflow/dataflow.h"
#include "processor/processor_file.h"
#include "processor/simulation.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string builtin(std::string_view name) {
  for (const embedded::File& file : embedded::processors()) {
    if (file.name == name) {
      return std::string(file.text);
    }
  }
  ADD_FAILURE() << name;
  return "";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

int line_of(const std::string& text, const std::string& what) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(text.find(what)), '\n'));
}

std::string message_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_processor(text, "mine.yaml", overrides);
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(Parameters, EveryShippedFileLoads) {
  ASSERT_GE(processor_list().size(), 2U);
  for (const ProcessorEntry& entry : processor_list()) {
    const ProcessorParameters parameters = load_processor(entry.name, {});
    EXPECT_EQ(parameters.name, entry.name);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_FALSE(load_cost_table(parameters.cost).rows.empty());
  }
}

TEST(Parameters, ValuesOfTheFile) {
  const ProcessorParameters trainer = load_processor("trainer-28nm", {});
  EXPECT_EQ(trainer.array_lanes(), 1024);
  EXPECT_TRUE(trainer.skip_input_zeros && trainer.skip_weight_zeros && trainer.skip_pruned_gradients);
  EXPECT_EQ(trainer.batchnorm(), BatchNormUnit::decoupled);
  const ProcessorParameters dense = load_processor("dense-28nm", {});
  EXPECT_FALSE(dense.skip_input_zeros || dense.skip_weight_zeros || dense.skip_pruned_gradients);
  EXPECT_EQ(dense.batchnorm(), BatchNormUnit::conventional);
  EXPECT_TRUE(trainer.speculates_feedforward && trainer.speculates_backpropagation && trainer.speculates_gradients);
  EXPECT_EQ(trainer.speculation_lanes, 32);
  EXPECT_EQ(trainer.speculation_fifo_depth, 4);
  EXPECT_FALSE(dense.speculates_feedforward || dense.speculates_backpropagation || dense.speculates_gradients);
  EXPECT_EQ(trainer.port_bits, 4096);
  EXPECT_EQ(dense.port_bits, 4096);
  EXPECT_EQ(trainer.drain_ways(), 4);
  EXPECT_EQ(dense.drain_ways(), 4);
}

TEST(Parameters, OverridesWin) {
  const ProcessorParameters parameters = load_processor(
      "trainer-28nm",
      {"array.lanes=4", "batchnorm.unit=conventional", "clock_MHz=120.5", "skip.input_zeros=false", "array.lanes=2"});
  EXPECT_EQ(parameters.lanes, 2);
  EXPECT_EQ(parameters.batchnorm(), BatchNormUnit::conventional);
  EXPECT_EQ(parameters.clock_MHz, 120.5);
  EXPECT_FALSE(parameters.skip_input_zeros);
  EXPECT_EQ(to_json(parameters)["array"]["lanes"], 2);
  EXPECT_EQ(to_json(parameters)["skip"]["input_zeros"], false);
}

TEST(Parameters, UnknownKeyNamesLineAndNearest) {
  const std::string text = replaced(builtin("trainer-28nm"), "lanes: 8", "lane: 8");
  EXPECT_THAT(message_of(text), HasSubstr("mine.yaml:" + std::to_string(line_of(text, "lane: 8")) +
                                          ": unknown key 'array.lane': did you mean 'array.lanes'?"));
  EXPECT_THAT(message_of(builtin("trainer-28nm") + "\nlanes: 8\n"), HasSubstr("did you mean 'array.lanes'?"));
}

TEST(Parameters, WrongValuesNameLineKeyAndExpectation) {
  const std::string good = builtin("trainer-28nm");
  const std::vector<std::array<std::string, 4>> cases = {
      {"lanes: 8", "lanes: many", "array.lanes", "a power of two from 1 to 512"},
      {"lanes: 8", "lanes: 6", "array.lanes", "a power of two"},
      {"lanes: 8", "lanes: 8.5", "array.lanes", "a power of two"},
      {"tile: 512", "tile: 100", "array.tile", "a multiple of 64"},
      {"tile: 512", "tile: 0", "array.tile", "from 64 to"},
      {"groups: 8", "groups: -1", "array.groups", "a power of two from 1 to 256"},
      {"groups: 8", "groups: 99999999999999999999", "array.groups", "a power of two from 1 to 256"},
      {"groups: 8", "groups: 6", "array.groups", "a power of two"},
      {"fifo_depth: 16", "fifo_depth: 0", "array.fifo_depth", "an integer from 1 to 64"},
      {"drain: 2", "drain: fast", "array.drain", "an integer from 1 to 512"},
      {"precision: fp16", "precision: bf16", "precision", "one of fp16|fp8"},
      {"dataflow: adaptive", "dataflow: output-stationary", "dataflow", "one of adaptive|weight-compressed"},
      {"assignment: adaptive", "assignment: random", "assignment", "one of adaptive|in-order|balanced|dynamic"},
      {"weights_KB: 256", "weights_KB: 0", "buffer.weights_KB", "from 1 to 1048576 KB"},
      {"bandwidth_GBps: 12.8", "bandwidth_GBps: 0", "memory.bandwidth_GBps", "from 0.001 to 10000 GB/s"},
      {"latency_ns: 100", "latency_ns: 0.5", "memory.latency_ns", "an integer from 0 to"},
      {"clock_MHz: 60", "clock_MHz: nan", "clock_MHz", "a number from 1 to"},
      {"input_zeros: true", "input_zeros: maybe", "skip.input_zeros", "true or false"},
      {"unit: decoupled", "unit: magic", "batchnorm.unit", "one of conventional|decoupled"},
      {"contract: 3", "contract: 2", "contract", "from 3 to 3"},
      {"port_bits: 4096", "port_bits: 0", "buffer.port_bits", "an integer from 1 to 1048576"},
      {"  feedforward: true", "  feedforward: 1", "speculation.feedforward", "true or false"},
      {"  backpropagation: true", "  backpropagation: yes", "speculation.backpropagation", "true or false"},
      {"  gradients: true", "  gradients: on", "speculation.gradients", "true or false"},
      {"  lanes: 32", "  lanes: 24", "speculation.lanes", "a power of two from 1 to 512"},
      {"  fifo_depth: 4", "  fifo_depth: 65", "speculation.fifo_depth", "an integer from 1 to 64"},
      {"name: trainer-28nm", "name: ''", "name", "non-empty"},
  };
  for (const auto& [from, to, key, expectation] : cases) {
    const std::string text = replaced(good, from, to);
    EXPECT_THAT(message_of(text), AllOf(HasSubstr("mine.yaml:" + std::to_string(line_of(text, to)) + ": " + key),
                                        HasSubstr(expectation)));
  }
}

TEST(Parameters, MissingAndDoubleKeys) {
  const std::string good = builtin("trainer-28nm");
  EXPECT_THAT(message_of(replaced(good, "  tile: 512\n", "")), HasSubstr("mine.yaml: missing key 'array.tile'"));
  EXPECT_THAT(message_of(replaced(good, "  tile: 512\n", "  tile: 512\n  tile: 64\n")), HasSubstr("array.tile"));
}

TEST(Parameters, NotAMap) {
  EXPECT_THAT(message_of("- 1\n- 2\n"), HasSubstr("mine.yaml:1"));
  EXPECT_THAT(message_of(""), HasSubstr("mine.yaml:1"));
  EXPECT_THAT(message_of("name: [1, 2]\n"), HasSubstr("mine.yaml:1: name"));
  EXPECT_THAT(message_of("name: trainer\n  x: : y\n"), HasSubstr("not valid YAML"));
}

TEST(Parameters, BadOverrides) {
  const std::string good = builtin("trainer-28nm");
  EXPECT_THAT(message_of(good, {"array.lane=8"}),
              HasSubstr("override array.lane=8: unknown key 'array.lane': did you mean 'array.lanes'?"));
  EXPECT_THAT(message_of(good, {"array.lanes"}), HasSubstr("not of the form key=value"));
  EXPECT_THAT(message_of(good, {"array.lanes=3"}),
              AllOf(HasSubstr("override array.lanes=3"), HasSubstr("power of two")));
}

TEST(Parameters, KeysThatMustFitEachOther) {
  const std::string good = builtin("trainer-28nm");
  for (const char* grouping : {"4x2", "4x2x2", "3x2x1", "8", "4x2x1x1", "4X2X1", "-4x2x1", "0x8x1", "8x1x1 "}) {
    EXPECT_THAT(message_of(good, {std::string("grouping=") + grouping}),
                AllOf(HasSubstr("mine.yaml: grouping: '"), HasSubstr("array.groups (8), such as 8x1x1")))
        << grouping;
  }
  // What the file pins, an override of another key can make wrong.
  EXPECT_THAT(message_of(replaced(good, "grouping: adaptive", "grouping: 4x2x1"), {"array.groups=4"}),
              HasSubstr("array.groups (4)"));
  EXPECT_EQ(parse_processor(good, "mine.yaml", {"grouping=2x2x2", "speculation.feedforward=false"}).grouping, "2x2x2");
  EXPECT_THAT(message_of(good, {"grouping=2x2x2"}),
              AllOf(HasSubstr("mine.yaml: grouping: '2x2x2' will not do with speculation.feedforward true"),
                    HasSubstr("give one that ends in x1")));
  EXPECT_EQ(parse_processor(good, "mine.yaml", {"grouping=2x4x1"}).grouping, "2x4x1");
  EXPECT_THAT(message_of(good, {"array.lanes=32", "array.tile=192"}),
              HasSubstr("dataflow adaptive needs array.tile (192) to be a multiple of 8 * array.lanes (256)"));
  EXPECT_EQ(parse_processor(good, "", {"array.lanes=32", "array.tile=192", "dataflow=weight-compressed"}).tile, 192);
}

TEST(Parameters, CandidatesAreWhatIsNotPinned) {
  ProcessorParameters parameters = load_processor("trainer-28nm", {});
  EXPECT_EQ(candidate_dataflows(parameters).size(), 2U * (10 * 2 + 4));
  EXPECT_EQ(to_string(candidate_dataflows(parameters).front()), "weight-compressed 8x1x1 in-order");
  EXPECT_EQ(to_string(candidate_dataflows(parameters).back()), "activation-compressed 1x1x8 dynamic");
  parameters.assignment = "balanced";
  parameters.dataflow = "activation-compressed";
  EXPECT_EQ(candidate_dataflows(parameters).size(), 10U);
  parameters.grouping = "2x1x4";
  ASSERT_EQ(candidate_dataflows(parameters).size(), 1U);
  EXPECT_EQ(to_string(candidate_dataflows(parameters)[0]), "activation-compressed 2x1x4 balanced");
  // Items that choose their group treat gk and gp alike, but a pinned grouping is what it says.
  parameters.assignment = "dynamic";
  parameters.grouping = "adaptive";
  EXPECT_EQ(candidate_dataflows(parameters).size(), 4U);
  parameters.grouping = "2x4x1";
  ASSERT_EQ(candidate_dataflows(parameters).size(), 1U);
  EXPECT_EQ(to_string(candidate_dataflows(parameters)[0]), "activation-compressed 2x4x1 dynamic");
}

TEST(Parameters, FilesFromDisk) {
  const std::string path = testing::TempDir() + "/my-processor.yaml";
  std::ofstream(path) << replaced(builtin("dense-28nm"), "name: dense-28nm", "name: mine");
  EXPECT_EQ(load_processor(path, {}).name, "mine");
  std::remove(path.c_str());
  EXPECT_THROW(load_processor(path, {}), UsageError);
  try {
    load_processor("trainer-28", {});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("trainer-28nm"), HasSubstr("dense-28nm")));
  }
}

}  // namespace
}  // namespace trainer
