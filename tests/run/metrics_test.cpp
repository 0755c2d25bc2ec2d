#include "run/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "run/results.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::HasSubstr;
using testing_help::message_of;
using testing_help::TemporaryFolder;

StepRow step_row(int64_t step) {
  return {.step = step,
          .epoch = step / 4,
          .loss = 1.0 / static_cast<double>(step + 1),
          .correct = step,
          .images = 8,
          .learning_rate = 0.1,
          .weight_sparsity = 0.9,
          .mask_changed = step == 2,
          .observed = step == 0,
          .step_s = 0.25};
}

int64_t count(const std::filesystem::path& file, const std::string& table) {
  Database database(file, Database::Mode::read_only);
  Statement select = database.prepare("SELECT COUNT(*) FROM " + table);
  select.row();
  return select.integer(0);
}

TEST(Metrics, KeepsSpeculationAndForgetsWhatIsDoneAgain) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.sqlite";
  {
    Metrics metrics = Metrics::create(file);
    for (int64_t step = 0; step < 3; ++step) {
      metrics.add_step(step_row(step));
      metrics.add_speculation(step, {{0, "conv1", {100, 90, 40, 7}}, {3, "conv2", {50, 50, 10, step}}});
    }
    metrics.flush();
  }
  EXPECT_EQ(count(file, "speculation"), 6);
  Metrics::resume(file, 2, 0);
  EXPECT_EQ(count(file, "speculation"), 4);
  Database database(file, Database::Mode::read_only);
  Statement select = database.prepare("SELECT * FROM speculation WHERE step = 1 AND layer = 'conv2'");
  ASSERT_TRUE(select.row());
  EXPECT_EQ(select.integer(1), 3);
  EXPECT_EQ(select.integer(3), 50);
  EXPECT_EQ(select.integer(4), 50);
  EXPECT_EQ(select.integer(5), 10);
  EXPECT_EQ(select.integer(6), 1);
}

TEST(Metrics, SpeculationHasAPlaceInFilesBegunWithoutIt) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.sqlite";
  Metrics::create(file);
  Database(file, Database::Mode::existing).execute("DROP TABLE speculation");
  Metrics metrics = Metrics::resume(file, 0, 0);
  metrics.add_step(step_row(0));
  metrics.add_speculation(0, {{0, "conv1", {}}});
  metrics.flush();
  EXPECT_EQ(count(file, "speculation"), 1);
}

TEST(Metrics, KeepsStepsEpochsAndSparsity) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.sqlite";
  Metrics metrics = Metrics::create(file);
  for (int64_t step = 0; step < 4; ++step) {
    metrics.add_step(step_row(step));
  }
  const EpochTraining epoch = metrics.epoch_training(0);
  EXPECT_EQ(epoch.steps, 4);
  EXPECT_DOUBLE_EQ(epoch.loss, (1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4) / 4);
  EXPECT_DOUBLE_EQ(epoch.accuracy, (0 + 1 + 2 + 3) / 32.0);
  EXPECT_DOUBLE_EQ(epoch.train_s, 1);
  EXPECT_FALSE(metrics.has_epoch(0));
  metrics.add_epoch({0, epoch, 0.5, 0.75, 0.9}, {{"conv1.weight", 100, 25}, {"fc.weight", 10, 10}});
  metrics.add_epoch({1, {}, std::nullopt, std::nullopt, 0.9}, {{"conv1.weight", 100, 20}});
  EXPECT_TRUE(metrics.has_epoch(0));

  Database database(file, Database::Mode::read_only);
  Statement steps = database.prepare("SELECT step, loss, mask_changed, observed FROM steps ORDER BY step");
  for (int64_t step = 0; step < 4; ++step) {
    ASSERT_TRUE(steps.row());
    EXPECT_EQ(steps.integer(0), step);
    EXPECT_EQ(steps.real(1), step_row(step).loss);
    EXPECT_EQ(steps.integer(2), step == 2 ? 1 : 0);
    EXPECT_EQ(steps.integer(3), step == 0 ? 1 : 0);
  }
  EXPECT_FALSE(steps.row());
  Statement epochs = database.prepare("SELECT test_loss, test_accuracy FROM epochs ORDER BY epoch");
  ASSERT_TRUE(epochs.row());
  EXPECT_EQ(epochs.real(1), 0.75);
  ASSERT_TRUE(epochs.row());
  EXPECT_EQ(epochs.real(0), std::nullopt);
  Statement sparsity = database.prepare("SELECT sparsity FROM sparsity WHERE epoch = 0 AND layer = 'conv1.weight'");
  ASSERT_TRUE(sparsity.row());
  EXPECT_EQ(sparsity.real(0), 0.75);
}

TEST(Metrics, ReplacesLayersOfProcessors) {
  const TemporaryFolder folder;
  Metrics metrics = Metrics::create(folder / "m");
  metrics.set_processors({testing_help::small_result("a"), testing_help::small_result("b")});
  metrics.set_processors({testing_help::small_result("a")});
  EXPECT_EQ(count(folder / "m", "layers"), 7);
  Database database(folder / "m", Database::Mode::read_only);
  Statement layers = database.prepare(
      "SELECT SUM(cycles), SUM(core_energy_J), SUM(effectual_macs), SUM(compute_cycles), SUM(memory_cycles), "
      "SUM(dram_bytes) FROM layers WHERE processor = 'a' AND phase = 'FF'");
  ASSERT_TRUE(layers.row());
  EXPECT_EQ(layers.integer(0), 10);
  EXPECT_DOUBLE_EQ(*layers.real(1), 2e-6);
  EXPECT_EQ(layers.integer(2), 400);
  EXPECT_EQ(layers.integer(3), 8);
  EXPECT_EQ(layers.integer(4), 4 + 3);
  EXPECT_EQ(layers.integer(5), 90);
  Statement traffic = database.prepare(
      "SELECT SUM(X_bytes), SUM(W_bytes), SUM(dZ_bytes), SUM(sums_bytes), SUM(shortcut_bytes), SUM(bitmap_bytes), "
      "SUM(stored_bytes) FROM layers WHERE phase = 'FF'");
  ASSERT_TRUE(traffic.row());
  EXPECT_EQ(traffic.real(0), 10);
  EXPECT_EQ(traffic.real(1), 5);
  EXPECT_EQ(traffic.real(2), 20);
  EXPECT_EQ(traffic.real(3), 2 * 3 / 8.0);
  EXPECT_EQ(traffic.real(4), 2.5);
  EXPECT_EQ(traffic.real(5), 10 / 8.0);
  EXPECT_EQ(traffic.integer(6), 20);
}

TEST(Metrics, BatchNormViewHasTheSharesOfEveryLayer) {
  const TemporaryFolder folder;
  Metrics metrics = Metrics::create(folder / "m");
  ProcessorResult slow = testing_help::small_result("slow");
  for (LayerPhaseResult& row : slow.rows) {
    row.cycles *= row.phase == Phase::BN ? 4 : 2;
  }
  metrics.set_processors({testing_help::small_result("a"), slow});
  EXPECT_EQ(count(folder / "m", "batchnorm"), 2);
  Database database(folder / "m", Database::Mode::read_only);
  Statement shares = database.prepare(
      "SELECT time_share, core_energy_share, system_energy_share, layer FROM batchnorm ORDER BY processor");
  ASSERT_TRUE(shares.row());
  EXPECT_DOUBLE_EQ(*shares.real(0), 7.0 / 40);
  EXPECT_DOUBLE_EQ(*shares.real(1), 0.5 / 8);
  EXPECT_DOUBLE_EQ(*shares.real(2), 0.5 / 11.5);
  EXPECT_EQ(shares.text(3), "bn1");
  ASSERT_TRUE(shares.row());
  EXPECT_DOUBLE_EQ(*shares.real(0), 28.0 / 94);
}

TEST(Metrics, ResumeForgetsWhatCameLater) {
  const TemporaryFolder folder;
  {
    Metrics metrics = Metrics::create(folder / "m");
    for (int64_t step = 0; step < 12; ++step) {
      metrics.add_step(step_row(step));
    }
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      metrics.add_epoch({epoch, {}, 1.0, 0.5, 0}, {{"w", 10, 5}});
    }
  }
  Metrics resumed = Metrics::resume(folder / "m", 6, 1);
  EXPECT_EQ(count(folder / "m", "steps"), 6);
  EXPECT_EQ(count(folder / "m", "epochs"), 1);
  EXPECT_EQ(count(folder / "m", "sparsity"), 1);
  resumed.add_step(step_row(6));
  resumed.flush();
  EXPECT_EQ(count(folder / "m", "steps"), 7);
}

TEST(Metrics, OneFileRemains) {
  const TemporaryFolder folder;
  {
    Metrics metrics = Metrics::create(folder / "m");
    metrics.add_step(step_row(0));
    metrics.flush();
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Metrics, ResumeBringsVersion2UpToDate) {
  const TemporaryFolder folder;
  {
    Metrics metrics = Metrics::create(folder / "m");
    metrics.add_step(step_row(0));
    metrics.flush();
  }
  Database(folder / "m", Database::Mode::existing)
      .execute(
          "DROP VIEW batchnorm; DROP TABLE layers; CREATE TABLE layers(processor TEXT, place INTEGER); "
          "PRAGMA user_version = 2");
  Metrics metrics = Metrics::resume(folder / "m", 1, 0);
  metrics.set_processors({testing_help::small_result("a")});
  EXPECT_EQ(count(folder / "m", "steps"), 1);
  EXPECT_EQ(count(folder / "m", "layers"), 7);
  EXPECT_EQ(count(folder / "m", "batchnorm"), 1);
  EXPECT_NO_THROW(Metrics::resume(folder / "m", 1, 0));
}

TEST(Metrics, Misuse) {
  const TemporaryFolder folder;
  EXPECT_THAT(message_of<UsageError>([&] { Metrics::resume(folder / "none", 0, 0); }), HasSubstr("none: not found"));
  folder.write("text", std::string(4096, 'x'));
  EXPECT_THAT(message_of<UsageError>([&] { Metrics::resume(folder / "text", 0, 0); }),
              HasSubstr("damaged, not a database"));
  folder.write("empty", "");
  EXPECT_THAT(message_of<UsageError>([&] { Metrics::resume(folder / "empty", 0, 0); }),
              HasSubstr("has schema version 0"));
  EXPECT_THROW(Metrics::create(folder / "no" / "such"), SystemFailure);
}

}  // namespace
}  // namespace trainer
