#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "apps/program.h"
#include "apps/tiny_data.h"
#include "base/cpu_features.h"

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
        for (auto& [format, models] : document["models"].items()) {
          for (auto& [problem, phases] : models.items()) {
            for (auto& [phase, model] : phases.items()) {
              model = {{"highway", {{"fixed_s", seconds}, {"per_density_s", 0}}}, {"onednn_s", 1e-3}};
            }
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

TEST_F(Kernels, HalfWithoutFp16OperandsIsRefused) {
  const ProgramResult result = run_program(folder_.path(), tiny_run({"--kernels", "half"}));
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err,
            "trainer: kernels half: multiplies FP16 operands, and these are fp32; give precision fp16, or choose auto, "
            "reference, highway or onednn\n");
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(Kernels, HalfOnACpuWithoutItIsRefused) {
  setenv("TRAINER_CPU_FP16", "off", 1);
  const ProgramResult result = run_program(folder_.path(), tiny_run({"--kernels", "half", "--precision", "fp16"}));
  unsetenv("TRAINER_CPU_FP16");
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, fmt::format("trainer: kernels half: this CPU has no {}; choose auto, reference, highway or "
                                    "onednn\n",
                                    half_arithmetic_name()));
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(Kernels, ARunOnHalfSaysSoAndResumesToTheSameBits) {
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  const std::vector<std::string> half = {"--kernels", "half", "--precision", "fp16"};
  EXPECT_THAT(train("half", half).out,
              HasSubstr(fmt::format("kernels half: 59 phases of contractions on half ({}), all "
                                    "else on highway",
                                    half_arithmetic_name())));
  train("highway", {"--kernels", "highway", "--precision", "fp16"});
  EXPECT_NE(bits_of("half"), bits_of("highway"));
  fs::copy(folder_ / "half", folder_ / "resumed", fs::copy_options::recursive);
  for (const char* later : {"checkpoints/step-00000012.ckpt", "checkpoints/step-00000010.ckpt", "model.onnx"}) {
    ASSERT_TRUE(fs::remove(folder_ / "resumed" / later)) << later;
  }
  EXPECT_THAT(run({"train", "--resume", "resumed", "--threads", "2"}).out, HasSubstr("resumes after step 6\n"));
  EXPECT_EQ(bits_of("resumed"), bits_of("half"));
  // FP32, as every evaluation by itself.
  run({"evaluate", "--model", "half", "--batch", "16"});
}

TEST_F(Kernels, AutoTakesHalfInFp16WhereItIsFasterAndWritesItDown) {
  if (!cpu_has_half_arithmetic()) {
    GTEST_SKIP() << "this CPU has no " << half_arithmetic_name();
  }
  run(tiny_run({"--kernel-choice", "measured", "--explain-kernels", "--precision", "fp16"}));
  for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
    if (entry.path().extension() == ".json") {
      nlohmann::json document = nlohmann::json::parse(read_text(entry.path()));
      EXPECT_TRUE(document.at("models").at("fp32").empty());
      for (auto& [problem, phases] : document["models"]["fp16"].items()) {
        for (auto& [phase, model] : phases.items()) {
          model["half"] = {{"fixed_s", 0}, {"per_density_s", 0}};
        }
      }
      std::ofstream(entry.path()) << document.dump();
    }
  }
  EXPECT_THAT(train("run", {"--precision", "fp16"}).out, HasSubstr("kernels auto: 59 phases of contractions on half"));
  EXPECT_THAT(read_text(folder_ / "run" / "run.yaml"), HasSubstr("n16c4k4h8r3p1=0-2/0-2/0-2"));
  const std::string table = run({"train", "--resume", "run", "--explain-kernels"}).out;
  EXPECT_THAT(table, testing::ContainsRegex("layer3.0.conv2 +FF +n16c16k16h2r3p1 +half +0.360 +always"));

  setenv("TRAINER_CPU_FP16", "off", 1);
  const ProgramResult elsewhere = run_program(folder_.path(), {"train", "--resume", "run"});
  const ProgramResult evaluation = run_program(folder_.path(), {"evaluate", "--model", "run", "--batch", "16"});
  unsetenv("TRAINER_CPU_FP16");
  EXPECT_EQ(elsewhere.status, 2);
  EXPECT_THAT(elsewhere.err,
              testing::StartsWith("trainer: kernel-break-even: has phases on half, and this CPU has no"));
  EXPECT_EQ(evaluation.status, 0) << evaluation.err;

  // What a processor would compute is not computed in FP16: not even where it would be faster.
  const std::string speculating =
      train("speculating", {"--precision", "fp16", "--processor", "trainer-28nm", "--speculation", "all"}).out;
  EXPECT_THAT(speculating, Not(HasSubstr("contractions on half")));
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
