#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/program.h"
#include "apps/tiny_data.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::ProgramResult;
using testing_help::read_text;
using testing_help::run_program;
using testing_help::TemporaryFolder;

TEST(Evaluate, AgreesWithTheRun) {
  const TemporaryFolder folder;
  testing_help::write_tiny_data(folder / "data");
  ASSERT_EQ(run_program(folder.path(), testing_help::tiny_run({"--out", "run", "--epochs", "3"})).status, 0);
  const nlohmann::json summary = nlohmann::json::parse(read_text(folder / "run" / "summary.json"));

  const ProgramResult result =
      run_program(folder.path(), {"evaluate", "--model", "run", "--json", "--batch", "16", "--threads", "1"});
  ASSERT_EQ(result.status, 0) << result.err;
  const nlohmann::json document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document.at("accuracy"), summary.at("test_accuracy"));
  EXPECT_NEAR(document.at("loss").get<double>(), summary.at("test_loss").get<double>(), 1e-5);
  EXPECT_EQ(document.at("images"), 40);
  EXPECT_GT(document.at("images_per_s").get<double>(), 0);

  const ProgramResult file =
      run_program(folder.path(), {"evaluate", "--model", "run/checkpoints/step-00000018.ckpt", "--data", "data",
                                  "--split", "train", "--batch", "7", "--threads", "1", "--kernels", "reference"});
  EXPECT_EQ(file.status, 0) << file.err;
  EXPECT_THAT(file.out, HasSubstr("train accuracy "));
  EXPECT_THAT(file.out, HasSubstr("96 images"));

  const ProgramResult onnx = run_program(
      folder.path(), {"evaluate", "--model", "run/model.onnx", "--data", "data", "--json", "--threads", "1"});
  ASSERT_EQ(onnx.status, 0) << onnx.err;
  EXPECT_EQ(nlohmann::json::parse(onnx.out).at("accuracy"), summary.at("test_accuracy"));
  const ProgramResult no_data = run_program(folder.path(), {"evaluate", "--model", "run/model.onnx"});
  EXPECT_EQ(no_data.status, 2);
  EXPECT_THAT(no_data.err, HasSubstr("give --data"));

  testing_help::write_tiny_data(folder / "three", 96, 3);
  const ProgramResult other = run_program(folder.path(), {"evaluate", "--model", "run", "--data", "three"});
  EXPECT_EQ(other.status, 2);
  EXPECT_THAT(other.err, HasSubstr("--data: three has 3 classes, the model 4"));
}

}  // namespace
}  // namespace trainer
