#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "apps/program.h"
#include "apps/tiny_data.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing_help::ProgramResult;
using testing_help::read_text;
using testing_help::run_program;
using testing_help::TemporaryFolder;
using testing_help::tiny_run;

/// Which kernels a run takes is measured, so these tests put into the cache what is to be found there.
class Kernels : public testing::Test {
 protected:
  void SetUp() override { testing_help::write_tiny_data(folder_ / "data"); }

  ProgramResult run(const std::vector<std::string>& arguments) const {
    ProgramResult result = run_program(folder_.path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
  }
  /// A run of 12 steps with checkpoints after 5, 6, 10 and 12.
  ProgramResult train(const std::string& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = tiny_run(
        {"--kernel-choice", "measured", "--max-steps", "12", "--out", out, "--checkpoint-every", "5", "--keep", "9"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  std::string bits_of(const std::string& out) const { return read_text(folder_ / out / "model.onnx"); }

  /// Makes every model in the cache say this of highway, against 1 ms of oneDNN.
  void set_highway_seconds(double seconds) const {
    if (!fs::exists(folder_ / "cache")) {
      run(tiny_run({"--kernel-choice", "measured", "--explain-kernels"}));
    }
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
      if (entry.path().extension() == ".json") {
        nlohmann::json document = nlohmann::json::parse(read_text(entry.path()));
        for (auto& [problem, phases] : document["models"].items()) {
          for (auto& [phase, model] : phases.items()) {
            model = {{"fixed_s", seconds}, {"per_density_s", 0}, {"onednn_s", 1e-3}};
          }
        }
        std::ofstream(entry.path()) << document.dump();
      }
    }
  }

  TemporaryFolder folder_;
};

TEST_F(Kernels, ExplainingTrainsNothing) {
  const ProgramResult result = run(tiny_run({"--kernel-choice", "measured", "--explain-kernels"}));
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("kernels of 7 shapes measured in "));
  EXPECT_THAT(result.out,
              testing::ContainsRegex("layer +phase +shape +path +density +break-even +highway_ms +onednn_ms"));
  EXPECT_THAT(result.out, testing::ContainsRegex("layer3.0.conv2 +BP +n16c16k16h2r3p1 +(highway|onednn) +0[.]360 "));
  EXPECT_THAT(result.out, HasSubstr("\nsum "));
  EXPECT_THAT(result.out, Not(HasSubstr("epoch")));
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(Kernels, TheExplanationAsJsonIsAllOnStandardOutput) {
  const ProgramResult result =
      run(tiny_run({"--kernel-choice", "measured", "--explain-kernels", "--json", "--out", "run"}));
  EXPECT_THAT(result.err, HasSubstr("kernels of 7 shapes measured in "));
  const nlohmann::json rows = nlohmann::json::parse(result.out).at("kernels");
  EXPECT_EQ(rows.size(), 59U);
  for (const nlohmann::json& row : rows) {
    EXPECT_GT(row.at("highway_ms").get<double>(), 0);
    EXPECT_GT(row.at("onednn_ms").get<double>(), 0);
    const bool sparse = row.at("density").get<double>() < row.at("break_even").get<double>();
    EXPECT_EQ(row.at("path"), sparse ? "highway" : "onednn");
  }
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(Kernels, TheRulePredictsNothingAndMeasuresNothing) {
  const ProgramResult result = run(tiny_run({"--explain-kernels"}));
  EXPECT_THAT(result.out, Not(HasSubstr("measured")));
  EXPECT_THAT(result.out, testing::ContainsRegex("conv1 +FF +n16c1k4h8r3p1 +highway +1.000 +- +- +-"));
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
}

TEST_F(Kernels, ChoicesAreWrittenDownAndKeptByResumingAndByRepeating) {
  set_highway_seconds(1);
  const ProgramResult dense = train("dense");
  EXPECT_THAT(dense.out, HasSubstr("kernels auto: 59 phases of contractions on onednn,"));
  EXPECT_THAT(read_text(folder_ / "dense" / "run.yaml"), HasSubstr("n16c4k4h8r3p1=0/0/0"));

  set_highway_seconds(0);
  EXPECT_THAT(train("sparse").out, HasSubstr("kernels auto: 59 phases of contractions on highway"));
  EXPECT_THAT(read_text(folder_ / "sparse" / "run.yaml"), HasSubstr("n16c4k4h8r3p1=2/2/2"));
  // Were they alike, the rest of this test could not tell anything.
  ASSERT_NE(bits_of("sparse"), bits_of("dense"));

  // From step 6 on, where the machine now says otherwise.
  fs::copy(folder_ / "dense", folder_ / "resumed", fs::copy_options::recursive);
  for (const char* later : {"checkpoints/step-00000012.ckpt", "checkpoints/step-00000010.ckpt", "model.onnx"}) {
    ASSERT_TRUE(fs::remove(folder_ / "resumed" / later)) << later;
  }
  const ProgramResult resumed = run({"train", "--resume", "resumed", "--threads", "2"});
  EXPECT_THAT(resumed.out, HasSubstr("resumes after step 6\n"));
  EXPECT_THAT(resumed.out, HasSubstr("kernels auto: 59 phases of contractions on onednn,"));
  EXPECT_EQ(bits_of("resumed"), bits_of("dense"));
  EXPECT_THAT(run({"train", "--resume", "dense", "--explain-kernels"}).out,
              testing::ContainsRegex("layer3.0.conv2 +FF +n16c16k16h2r3p1 +onednn +0.360 +never +0.000 +1.000"));

  run({"train", "--config", "dense/run.yaml", "--out", "repeated"});
  EXPECT_EQ(bits_of("repeated"), bits_of("dense"));
}

TEST_F(Kernels, AnEvaluationHasTheBitsOfTheRun) {
  set_highway_seconds(1);
  train("run");
  const auto loss_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"evaluate", "--model", "run", "--batch", "16", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(run(arguments).out).at("loss").get<double>();
  };
  const double loss = nlohmann::json::parse(read_text(folder_ / "run" / "summary.json")).at("test_loss").get<double>();
  EXPECT_EQ(loss_with({}), loss);
  EXPECT_NE(loss_with({"--kernels", "highway"}), loss);
}

/// A run.yaml without the options whose names begin with "kernel-", and the lists that belong to them.
std::string without_kernel_options(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::string kept;
  bool dropping = false;
  for (std::string line; std::getline(lines, line);) {
    const bool continues = line.starts_with(" ") || line.starts_with("-");
    dropping = line.starts_with("kernel-") || (dropping && continues);
    kept += dropping ? "" : line + "\n";
  }
  return kept;
}

TEST_F(Kernels, ARunThatNeverMeasuredGoesOnByTheRule) {
  set_highway_seconds(1);
  train("run");
  // As it was written when there was nothing else.
  const fs::path file = folder_ / "run" / "run.yaml";
  const std::string text = without_kernel_options(read_text(file));
  ASSERT_THAT(text, Not(HasSubstr("kernel-")));
  std::ofstream(file) << text;
  const std::string out = run({"train", "--resume", "run", "--explain-kernels"}).out;
  EXPECT_THAT(out, testing::ContainsRegex("layer1.0.conv1 +FF +n16c4k4h8r3p1 +highway +[0-9.]+ +- "));
}

TEST_F(Kernels, MisuseIsOneLine) {
  const ProgramResult result = run_program(folder_.path(), tiny_run({"--kernel-break-even", "n16c4k4h8r3p1=1"}));
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, testing::StartsWith("trainer: kernel-break-even: 'n16c4k4h8r3p1=1' is not a break-even"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
  const ProgramResult choice = run_program(folder_.path(), tiny_run({"--kernel-choice", "guess"}));
  EXPECT_EQ(choice.status, 2);
  EXPECT_THAT(choice.err, HasSubstr("--kernel-choice: 'guess' is not supported; choose measured, rule"));
}

}  // namespace
}  // namespace trainer
