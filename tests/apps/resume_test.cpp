#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>

#include <nlohmann/json.hpp>
#include <random>

#include "apps/program.h"
#include "apps/tiny_data.h"
#include "run/database.h"
#include "run/folder.h"
#include "run/saved_model.h"
#include "training/checkpoint.h"

namespace trainer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing_help::Program;
using testing_help::ProgramResult;
using testing_help::read_text;
using testing_help::run_program;
using testing_help::TemporaryFolder;
using testing_help::tiny_run;

const std::vector<std::string> kLongRun = {
    "--epochs",           "25", "--processor",   "trainer-28nm", "--observe-every",     "9",
    "--checkpoint-every", "4",  "--speculation", "ff,gradients", "--skip-small-updates"};

std::vector<std::string> long_run(const std::string& out) {
  std::vector<std::string> arguments = tiny_run({"--out", out});
  arguments.insert(arguments.end(), kLongRun.begin(), kLongRun.end());
  return arguments;
}

/// Every row of every table, except the columns that hold wall-clock times.
std::vector<std::string> metrics_of(const fs::path& run) {
  Database database(run / "metrics.sqlite", Database::Mode::read_only);
  std::vector<std::string> rows;
  for (const char* query :
       {"SELECT step||' '||epoch||' '||printf('%!.17g',loss)||' '||correct||' '||images||' '||"
        "printf('%!.17g',learning_rate)||' '||weight_sparsity||' '||mask_changed||' '||observed FROM steps ORDER BY 1",
        "SELECT epoch||' '||steps||' '||printf('%!.17g',train_loss)||' '||train_accuracy||' '||"
        "printf('%!.17g',test_loss)||' '||test_accuracy||' '||weight_sparsity FROM epochs ORDER BY 1",
        "SELECT epoch||' '||layer||' '||weights||' '||unpruned||' '||sparsity FROM sparsity ORDER BY 1",
        "SELECT processor||' '||observed_steps||' '||time_s FROM processors ORDER BY 1",
        "SELECT step||' '||layer||' '||gradient_values||' '||gradient_operands||' '||gradients_dropped||' '||"
        "gradients_kept||' '||outputs_predicted||' '||outputs_skipped||' '||false_skips||' '||missed FROM speculation",
        "SELECT processor||' '||place||' '||layer||' '||phase||' '||dense_macs||' '||effectual_macs||' '||cycles||' '||"
        "utilisation||' '||printf('%!.17g',core_energy_J)||' '||printf('%!.17g',system_energy_J) FROM layers"}) {
    Statement select = database.prepare(query);
    while (select.row()) {
      rows.push_back(select.text(0));
    }
  }
  return rows;
}

/// Masks, values and running statistics of the newest checkpoint.
std::vector<std::vector<float>> weights_of(const fs::path& run) {
  const FoundCheckpoint found = find_checkpoint(run, "run");
  Network network = make_model(found.model.request(1, 1));
  load_weights(found.file, network);
  std::vector<std::vector<float>> weights;
  for (const Parameter* parameter : network.parameters()) {
    const std::vector<uint8_t> mask = parameter->pattern->mask();
    weights.emplace_back(parameter->value.begin(), parameter->value.end());
    weights.emplace_back(mask.begin(), mask.end());
  }
  for (const Buffer* buffer : network.buffers()) {
    weights.emplace_back(buffer->value.begin(), buffer->value.end());
  }
  return weights;
}

void expect_same_run(const fs::path& a, const fs::path& b) {
  EXPECT_EQ(weights_of(a), weights_of(b));
  EXPECT_EQ(metrics_of(a), metrics_of(b));
  const auto first = nlohmann::json::parse(read_text(a / "summary.json"));
  const auto second = nlohmann::json::parse(read_text(b / "summary.json"));
  EXPECT_EQ(first.at("processors"), second.at("processors"));
  EXPECT_EQ(first.contains("small_updates"), second.contains("small_updates"));
  if (first.contains("small_updates")) {
    EXPECT_EQ(first.at("small_updates"), second.at("small_updates"));
    EXPECT_GT(first.at("small_updates").at("updates"), 0);
  }
  EXPECT_EQ(first.contains("speculation"), second.contains("speculation"));
  if (first.contains("speculation")) {
    EXPECT_EQ(first.at("speculation"), second.at("speculation"));
    EXPECT_GT(first.at("speculation").at("gradients_dropped"), 0);
  }
  for (const char* key : {"test_accuracy", "test_loss", "train_loss", "weight_sparsity", "steps"}) {
    EXPECT_EQ(first.at(key), second.at(key)) << key;
  }
}

int64_t newest_step(const fs::path& run) {
  const std::vector<CheckpointFile> files = list_checkpoints(run);
  return files.empty() ? -1 : files.front().step;
}

/// Waits until the run has a checkpoint of a later step.
void wait_for_a_checkpoint(Program& program, const fs::path& run, int64_t step) {
  while (program.running() && newest_step(run) <= step) {
    usleep(2'000);
  }
}

class Resume : public testing::Test {
 protected:
  void SetUp() override { testing_help::write_tiny_data(folder_ / "data"); }
  TemporaryFolder folder_;
};

TEST_F(Resume, ARunKilledAtAnyMomentEndsAsOneNeverKilled) {
  const ProgramResult unbroken = run_program(folder_.path(), long_run("unbroken"));
  ASSERT_EQ(unbroken.status, 0) << unbroken.err;

  std::mt19937 random(std::random_device{}());
  int kills = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    std::vector<std::string> arguments = {"train", "--resume", "killed", "--threads", "1"};
    if (attempt == 0) {
      arguments = long_run("killed");
    }
    Program program(folder_.path(), arguments);
    wait_for_a_checkpoint(program, folder_ / "killed", -1);
    usleep(random() % 250'000);
    program.signal(SIGKILL);
    const ProgramResult result = program.wait();
    ASSERT_THAT(result.status, testing::AnyOf(0, 128 + SIGKILL)) << result.err;
    kills += result.status == 0 ? 0 : 1;
  }
  EXPECT_GE(kills, 1);
  const ProgramResult last = run_program(folder_.path(), {"train", "--resume", "killed", "--threads", "1"});
  ASSERT_EQ(last.status, 0) << last.err;
  expect_same_run(folder_ / "unbroken", folder_ / "killed");
}

TEST_F(Resume, ASignalSavesAndTellsHowToGoOn) {
  ASSERT_EQ(run_program(folder_.path(), long_run("unbroken")).status, 0);
  const std::vector<std::pair<int, int>> signals = {{SIGINT, 130}, {SIGTERM, 143}};
  for (size_t i = 0; i < signals.size(); ++i) {
    const int64_t step = i == 0 ? -1 : newest_step(folder_ / "run");
    Program program(folder_.path(),
                    i == 0 ? long_run("run") : std::vector<std::string>{"train", "--resume", "run", "--threads", "1"});
    wait_for_a_checkpoint(program, folder_ / "run", step);
    program.signal(signals[i].first);
    const ProgramResult result = program.wait();
    ASSERT_EQ(result.status, signals[i].second) << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("go on with: trainer train --resume run\n"));
    EXPECT_EQ(result.err, "");
  }
  const ProgramResult last = run_program(folder_.path(), {"train", "--resume", "run", "--threads", "1"});
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_THAT(last.out, HasSubstr("resumes after step "));
  expect_same_run(folder_ / "unbroken", folder_ / "run");
}

TEST_F(Resume, ADamagedNewestCheckpointIsPassedOver) {
  const std::vector<std::string> arguments = tiny_run({"--out", "run", "--epochs", "4", "--checkpoint-every", "5"});
  ASSERT_EQ(run_program(folder_.path(), arguments).status, 0);
  fs::copy(folder_ / "run", folder_ / "damaged", fs::copy_options::recursive);
  const fs::path newest = list_checkpoints(folder_ / "damaged").front().file;
  fs::resize_file(newest, fs::file_size(newest) / 2);
  const ProgramResult result = run_program(folder_.path(), {"train", "--resume", "damaged", "--threads", "2"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("warning: "));
  EXPECT_THAT(result.out, HasSubstr("step-00000024.ckpt"));
  EXPECT_THAT(result.out, HasSubstr("resumes after step 20\n"));
  expect_same_run(folder_ / "run", folder_ / "damaged");
}

TEST_F(Resume, OnlyDamagedCheckpointsIsMisuse) {
  ASSERT_EQ(run_program(folder_.path(), tiny_run({"--out", "run", "--max-steps", "2"})).status, 0);
  for (const CheckpointFile& file : list_checkpoints(folder_ / "run")) {
    fs::resize_file(file.file, 10);
  }
  const ProgramResult result = run_program(folder_.path(), {"train", "--resume", "run"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("--resume: no checkpoint in run/checkpoints is readable"));
}

TEST_F(Resume, WithoutACheckpointItStartsFromTheBeginning) {
  ASSERT_EQ(run_program(folder_.path(), tiny_run({"--out", "run", "--max-steps", "3"})).status, 0);
  fs::copy(folder_ / "run", folder_ / "again", fs::copy_options::recursive);
  fs::remove_all(folder_ / "again" / "checkpoints");
  fs::create_directories(folder_ / "again" / "checkpoints");
  const ProgramResult result = run_program(folder_.path(), {"train", "--resume", "again", "--threads", "1"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("no checkpoint yet: starts from the beginning\n"));
  expect_same_run(folder_ / "run", folder_ / "again");
}

TEST_F(Resume, OtherDataIsRefused) {
  ASSERT_EQ(run_program(folder_.path(), tiny_run({"--out", "run", "--max-steps", "2"})).status, 0);
  testing_help::write_tiny_data(folder_ / "data", 64);
  const ProgramResult result = run_program(folder_.path(), {"train", "--resume", "run"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("is no longer the data that this run began with"));
}

TEST_F(Resume, ATerminalGetsOneBarThatIsDrawnOver) {
  int terminal = -1;
  winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  const pid_t process = forkpty(&terminal, nullptr, nullptr, &size);
  if (process == 0) {
    testing_help::become_program(folder_.path(), tiny_run({"--epochs", "25", "--out", "run"}));
  }
  std::string output;
  char piece[4096];
  for (ssize_t got = 0; (got = read(terminal, piece, sizeof piece)) > 0;) {
    output.append(piece, static_cast<size_t>(got));
  }
  int status = 0;
  waitpid(process, &status, 0);
  close(terminal);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_THAT(output, HasSubstr("\r\x1b[K"));
  EXPECT_THAT(output, HasSubstr("ETA "));
  EXPECT_THAT(output, HasSubstr("test accuracy "));
  // What is drawn over must not wrap.
  int bars = 0;
  for (size_t at = output.find("\r\x1b[K"); at != std::string::npos; at = output.find("\r\x1b[K", at + 4)) {
    const size_t end = output.find('\r', at + 4);
    const std::string drawn = output.substr(at + 4, end - at - 4);
    if (drawn.find(" ETA ") != std::string::npos) {
      ++bars;
      EXPECT_LT(drawn.size(), 100U) << drawn;
    }
  }
  EXPECT_GT(bars, 0);
}

}  // namespace
}  // namespace trainer
