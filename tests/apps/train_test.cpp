#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "apps/tiny_data.h"
#include "run/config_file.h"
#include "run/database.h"
#include "run/folder.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing_help::ProgramResult;
using testing_help::read_text;
using testing_help::run_program;
using testing_help::TemporaryFolder;
using testing_help::tiny_run;

nlohmann::json summary_of(const fs::path& run) { return nlohmann::json::parse(read_text(run / "summary.json")); }

std::string sql(const fs::path& run, const std::string& query) {
  Database database(run / "metrics.sqlite", Database::Mode::read_only);
  Statement select = database.prepare(query);
  return select.row() ? select.text(0) : "";
}

/// One run with processors, looked at from all sides.
class Train : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    testing_help::write_tiny_data(*folder_ / "data");
    result_ = new ProgramResult(
        run_program(folder_->path(), tiny_run({"--out", "run", "--epochs", "10", "--processor", "trainer-28nm",
                                               "--observe-every", "7", "--checkpoint-every", "8", "--keep", "2"})));
    ASSERT_EQ(result_->status, 0) << result_->err;
  }
  static void TearDownTestSuite() {
    delete result_;
    delete folder_;
  }
  static fs::path run() { return *folder_ / "run"; }

  static TemporaryFolder* folder_;
  static ProgramResult* result_;
};
TemporaryFolder* Train::folder_ = nullptr;
ProgramResult* Train::result_ = nullptr;

TEST_F(Train, LearnsAndSaysSo) {
  EXPECT_EQ(result_->err, "");
  EXPECT_THAT(result_->out, Not(HasSubstr("\r")));
  EXPECT_THAT(result_->out, HasSubstr("run run: resnet20 on "));
  EXPECT_THAT(result_->out, HasSubstr("kernels auto:"));
  EXPECT_THAT(result_->out, HasSubstr("epoch 10/10  step 60  train loss "));
  EXPECT_THAT(result_->out, HasSubstr("trainer-28nm: sums over 9 observed steps"));
  EXPECT_THAT(result_->out, HasSubstr("dense-28nm: sums over 9 observed steps"));
  EXPECT_THAT(result_->out, HasSubstr("trainer-28nm against dense-28nm: time "));
  // Four classes; chance is 0.25. The bars are easy to tell apart.
  EXPECT_GT(summary_of(run()).at("test_accuracy").get<double>(), 0.6);
}

TEST_F(Train, FolderHoldsWhatIsPromised) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(run())) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("checkpoints", "metrics.sqlite", "model.onnx", "run.yaml", "summary.json"));
  std::vector<int64_t> steps;
  for (const CheckpointFile& file : list_checkpoints(run())) {
    steps.push_back(file.step);
  }
  EXPECT_THAT(steps, ElementsAre(60, 56));
  RunConfig config = default_config();
  read_config_file(run() / "run.yaml", config);
  EXPECT_EQ(config.data, (*folder_ / "data").string());
  EXPECT_THAT(config.processor, ElementsAre("trainer-28nm", "dense-28nm"));
  EXPECT_EQ(config.image_size, "8x8");
}

TEST_F(Train, SummaryHasTheStableKeys) {
  const nlohmann::json summary = summary_of(run());
  for (const char* key : {"test_accuracy", "weight_sparsity", "images_per_s", "steps", "wall_s", "peak_memory_bytes"}) {
    EXPECT_TRUE(summary.at(key).is_number()) << key;
  }
  EXPECT_EQ(summary.at("steps"), 60);
  EXPECT_NEAR(summary.at("weight_sparsity").get<double>(), 0.5, 0.01);
  EXPECT_GT(summary.at("images_per_s").get<double>(), 0);
  EXPECT_GT(summary.at("peak_memory_bytes").get<double>(), 1e6);
  for (const char* name : {"trainer-28nm", "dense-28nm"}) {
    const nlohmann::json& processor = summary.at("processors").at(name);
    EXPECT_EQ(processor.at("observed_steps"), 9);  // 0, 7, ..., 56
    for (const char* key :
         {"time_s", "core_energy_J", "system_energy_J", "utilisation", "dense_macs", "effectual_macs", "cycles"}) {
      EXPECT_GT(processor.at(key).get<double>(), 0) << key;
      for (const char* phase : {"FF", "BP", "WG", "BN", "UP"}) {
        EXPECT_TRUE(processor.at("phases").at(phase).at(key).is_number());
      }
    }
    EXPECT_EQ(processor.at("phases").at("BN").at("dense_macs"), 0);
  }
  const nlohmann::json& sparse = summary.at("processors").at("trainer-28nm");
  const nlohmann::json& dense = summary.at("processors").at("dense-28nm");
  EXPECT_EQ(sparse.at("dense_macs"), dense.at("dense_macs"));
  EXPECT_EQ(dense.at("dense_macs"), dense.at("effectual_macs"));
  EXPECT_LT(sparse.at("effectual_macs").get<int64_t>(), dense.at("effectual_macs").get<int64_t>());
}

TEST_F(Train, MetricsAgreeWithTheSummary) {
  EXPECT_EQ(sql(run(), "SELECT COUNT(*) FROM steps"), "60");
  EXPECT_EQ(sql(run(), "SELECT COUNT(*) FROM steps WHERE observed"), "9");
  EXPECT_EQ(sql(run(), "SELECT COUNT(*) FROM epochs WHERE test_accuracy IS NOT NULL AND steps = 6"), "10");
  EXPECT_EQ(sql(run(), "SELECT COUNT(DISTINCT epoch) FROM sparsity"), "10");
  EXPECT_EQ(std::stod(sql(run(), "SELECT test_accuracy FROM epochs WHERE epoch = 9")),
            summary_of(run()).at("test_accuracy").get<double>());
  const nlohmann::json processor = summary_of(run()).at("processors").at("trainer-28nm");
  for (const char* key : {"dense_macs", "effectual_macs", "cycles"}) {
    EXPECT_EQ(std::stoll(sql(run(), std::string("SELECT SUM(") + key + ") FROM layers WHERE processor='trainer-28nm'")),
              processor.at(key).get<int64_t>());
  }
  const double core = std::stod(sql(run(), "SELECT SUM(core_energy_J) FROM layers WHERE processor='trainer-28nm'"));
  EXPECT_NEAR(core / processor.at("core_energy_J").get<double>(), 1, 1e-9);
}

TEST(TrainVariants, AreComparedInOneRun) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const ProgramResult result =
      run_program(folder.path(), tiny_run({"--out", "run", "--max-steps", "2", "--observe-every", "1", "--processor",
                                           "trainer-28nm", "--processor", "trainer-28nm:batchnorm.unit=conventional"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("BN's share of a step"));
  const nlohmann::json processors = summary_of(folder / "run").at("processors");
  const nlohmann::json& decoupled = processors.at("trainer-28nm").at("batchnorm");
  const nlohmann::json& conventional = processors.at("trainer-28nm:batchnorm.unit=conventional").at("batchnorm");
  for (const char* share : {"time_share", "core_energy_share", "system_energy_share"}) {
    EXPECT_GT(conventional.at(share), decoupled.at(share)) << share;
    EXPECT_LT(conventional.at(share), 1);
    double sum = 0;
    for (const nlohmann::json& layer : conventional.at("layers")) {
      sum += layer.at(share).get<double>();
    }
    EXPECT_NEAR(sum, conventional.at(share).get<double>(), 1e-9);
  }
  EXPECT_EQ(conventional.at("layers").size(), decoupled.at("layers").size());
  // The run folder's own options repeat it, variants included.
  const ProgramResult again =
      run_program(folder.path(), {"train", "--config", "run/run.yaml", "--out", "again", "--quiet"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(summary_of(folder / "again").at("processors"), processors);
}

TEST_F(Train, AFinishedRunCanBeResumedAndStaysAsItIs) {
  const nlohmann::json before = summary_of(run());
  fs::remove(run() / "summary.json");
  const ProgramResult again = run_program(folder_->path(), {"train", "--resume", "run", "--quiet", "--threads", "1"});
  EXPECT_EQ(again.status, 0) << again.err;
  const nlohmann::json after = summary_of(run());
  EXPECT_EQ(after.at("test_accuracy"), before.at("test_accuracy"));
  EXPECT_EQ(after.at("processors"), before.at("processors"));
  EXPECT_EQ(sql(run(), "SELECT COUNT(*) FROM steps"), "60");
  EXPECT_EQ(sql(run(), "SELECT COUNT(*) FROM epochs"), "10");
}

TEST_F(Train, ResumingKeepsItsConfiguration) {
  const ProgramResult result = run_program(folder_->path(), {"train", "--resume", "run", "--epochs", "20"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err,
            "trainer: --epochs: cannot change in a run that is resumed; to train on from its weights start "
            "a new one with --init run\n");
}

TEST_F(Train, FineTuningStartsFromItsWeights) {
  const ProgramResult same =
      run_program(folder_->path(), tiny_run({"--out", "tuned", "--init", "run", "--max-steps", "1", "--lr", "1e-9"}));
  ASSERT_EQ(same.status, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("weights from "));
  const double loss = std::stod(sql(*folder_ / "tuned", "SELECT loss FROM steps"));
  EXPECT_LT(loss, 1.2);  // ln 4 = 1.386 is chance
}

TEST_F(Train, FineTuningOnOtherClassesStartsTheHeadAnew) {
  testing_help::write_tiny_data(*folder_ / "three", 96, 3);
  const ProgramResult result =
      run_program(folder_->path(), {"train", "--model", "resnet20", "--width", "0.25", "--data", "three", "--batch",
                                    "16", "--init", "run", "--out", "tuned3", "--max-steps", "2", "--threads", "1"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("the head starts anew: it had 4 classes, the data has 3\n"));
}

TEST(TrainOutput, JsonIsAllOfStandardOutput) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const ProgramResult result = run_program(
      folder.path(), tiny_run({"--max-steps", "2", "--json", "--processor", "trainer-28nm", "--kernels", "reference"}));
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document.at("run"), "runs/resnet20-data-1");  // the name where --out is not given
  EXPECT_EQ(document.at("steps"), 2);
  EXPECT_FALSE(document.at("layers").at("trainer-28nm").empty());
  EXPECT_THAT(result.err, HasSubstr("epoch 1/1"));
  nlohmann::json summary = summary_of(folder / "runs/resnet20-data-1");
  EXPECT_EQ(document.at("processors"), summary.at("processors"));

  const ProgramResult quiet = run_program(folder.path(), tiny_run({"--max-steps", "1", "--json", "--quiet"}));
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(nlohmann::json::parse(quiet.out).at("run"), "runs/resnet20-data-2");
}

TEST(TrainOutput, ExplainsTheDataflow) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const ProgramResult result = run_program(folder.path(), tiny_run({"--max-steps", "1", "--processor", "trainer-28nm",
                                                                    "--explain-dataflow", "--quiet", "--out", "run"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("trainer-28nm: dataflow of each layer and phase, sums over 1 observed steps\n"));
  EXPECT_THAT(result.out, HasSubstr("activation-compressed 1x1x8 balanced"));
  EXPECT_THAT(result.out, HasSubstr("in the best pinned dataflow ("));
  // A run that goes on explains as the one that began; nothing is left to do here but to show it again.
  const ProgramResult again = run_program(folder.path(), {"train", "--resume", "run", "--json", "--quiet"});
  EXPECT_EQ(again.status, 0) << again.err;
  const nlohmann::json document = nlohmann::json::parse(again.out);
  const nlohmann::json& dataflow = document.at("dataflow").at("trainer-28nm");
  EXPECT_EQ(dataflow.at("pinned").size(), 18U) << "FF is speculated: no grouping that splits input channels";
  EXPECT_GT(dataflow.at("layers").size(), 50U);
  EXPECT_THAT(result.out, HasSubstr(std::to_string(dataflow.at("cycles").get<int64_t>())));
}

TEST(TrainSpeculation, ProcessorsUseTheMasksThatTheRunHas) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const auto run = [&](const std::string& list, bool notes_unused_masks) {
    const ProgramResult result =
        run_program(folder.path(), tiny_run({"--out", list, "--epochs", "1", "--max-steps", "2", "--observe-every", "1",
                                             "--processor", "trainer-28nm", "--speculation", list}));
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out.find("do without their exact masks") != std::string::npos, notes_unused_masks) << list;
    const nlohmann::json summary = summary_of(folder / list);
    EXPECT_EQ(summary.at("left_out"), list);
    return summary.at("processors").at("trainer-28nm").at("per_step").at("phases");
  };
  const nlohmann::json none = run("none", true);
  const nlohmann::json bp = run("bp", true);
  const nlohmann::json wg = run("wg", true);
  const nlohmann::json both = run("bp,wg", false);
  const auto macs = [](const nlohmann::json& phases, const char* phase) {
    return phases.at(phase).at("effectual_macs").get<double>();
  };
  EXPECT_LT(macs(bp, "BP"), 0.9 * macs(none, "BP"));
  EXPECT_EQ(macs(bp, "WG"), macs(none, "WG"));
  EXPECT_LT(macs(wg, "WG"), 0.9 * macs(none, "WG"));
  EXPECT_EQ(macs(wg, "BP"), macs(none, "BP"));
  EXPECT_EQ(macs(both, "BP"), macs(bp, "BP"));
  EXPECT_EQ(macs(both, "WG"), macs(wg, "WG"));
}

TEST(TrainPrecision, AnFp8RunGivesProcessorsItsFormatUnlessSetSaysOtherwise) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const auto run = [&](const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = tiny_run(
        {"--out", out, "--epochs", "1", "--max-steps", "2", "--precision", "fp8", "--processor", "trainer-28nm"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    ProgramResult result = run_program(folder.path(), arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const auto dram_bytes = [&](const std::string& out) {
    return summary_of(folder / out).at("processors").at("trainer-28nm").at("dram_bytes").get<double>();
  };
  EXPECT_THAT(run("eight", {}), HasSubstr("processors multiply in fp8, as the run does"));
  EXPECT_THAT(run("same", {"--set", "precision=fp8"}), Not(HasSubstr("processors multiply in fp8")));
  EXPECT_THAT(run("sixteen", {"--set", "precision=fp16"}), Not(HasSubstr("processors multiply in fp8")));
  EXPECT_EQ(dram_bytes("same"), dram_bytes("eight"));
  EXPECT_GT(dram_bytes("sixteen"), 1.3 * dram_bytes("eight"));
}

TEST(TrainPrecision, AnFp8RunCanBeStoppedAndResumed) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  for (const std::string name : {"whole", "parts"}) {
    const ProgramResult result =
        run_program(folder.path(), tiny_run({"--out", name, "--epochs", "3", "--checkpoint-every", "2", "--keep", "20",
                                             "--precision", "fp8", "--fp8-format", "e3m4,e5m2"}));
    ASSERT_EQ(result.status, 0) << result.err;
  }
  // As if the run had died after its first checkpoints.
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(folder / "parts" / "checkpoints")) {
    checkpoints.push_back(entry.path());
  }
  std::ranges::sort(checkpoints);
  ASSERT_GT(checkpoints.size(), 4U);
  for (size_t i = 3; i < checkpoints.size(); ++i) {
    fs::remove(checkpoints[i]);
  }
  fs::remove(folder / "parts" / "summary.json");
  const ProgramResult resumed = run_program(folder.path(), {"train", "--resume", "parts"});
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  for (const char* query : {"SELECT count(*) FROM steps", "SELECT group_concat(printf('%!.17g',loss)) FROM steps"}) {
    EXPECT_EQ(sql(folder / "parts", query), sql(folder / "whole", query));
  }
}

TEST(TrainOutput, ADivergingRunFailsInOneLine) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  const ProgramResult result =
      run_program(folder.path(), tiny_run({"--lr", "1e6", "--warmup", "0", "--quiet", "--out", "run"}));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("training diverged"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  EXPECT_NE(sql(folder / "run", "SELECT COUNT(*) FROM steps"), "0");
}

TEST(TrainData, FashionMnistTrainsOutOfTheBox) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "package dataset-fashion-mnist is not installed";
  }
  const TemporaryFolder folder;
  testing_help::Program program(
      folder.path(), {"train", "--model", "resnet20", "--width", "0.25", "--max-steps", "2", "--threads", "1",
                      "--batch", "16", "--out", "run", "--checkpoint-every", "1"});
  // The evaluation of 10,000 images is not what this is about.
  while (program.running() && list_checkpoints(folder / "run").empty()) {
    usleep(10'000);
  }
  program.signal(SIGINT);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.status, 130) << result.err;
  EXPECT_THAT(result.out, HasSubstr("fashion-mnist (60000 training images of 28x28, 10 classes)"));
}

}  // namespace
}  // namespace trainer
