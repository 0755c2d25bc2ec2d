#include "run/metrics.h"

#include <fmt/format.h>

#include "base/error.h"
#include "run/traffic.h"

namespace trainer {
namespace {

/// user_version of the file; a change of a table's meaning raises it.
constexpr int64_t kSchemaVersion = 3;

constexpr const char* kSchema = R"sql(
BEGIN;
CREATE TABLE steps(
  step INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, loss REAL NOT NULL, correct INTEGER NOT NULL,
  images INTEGER NOT NULL, learning_rate REAL NOT NULL, weight_sparsity REAL NOT NULL,
  mask_changed INTEGER NOT NULL, observed INTEGER NOT NULL, step_s REAL NOT NULL);
CREATE TABLE epochs(
  epoch INTEGER PRIMARY KEY, steps INTEGER NOT NULL, train_loss REAL NOT NULL, train_accuracy REAL NOT NULL,
  test_loss REAL, test_accuracy REAL, weight_sparsity REAL NOT NULL, train_s REAL NOT NULL);
CREATE TABLE sparsity(
  epoch INTEGER NOT NULL, layer TEXT NOT NULL, weights INTEGER NOT NULL, unpruned INTEGER NOT NULL,
  sparsity REAL NOT NULL, PRIMARY KEY(epoch, layer)) WITHOUT ROWID;
CREATE TABLE processors(
  processor TEXT PRIMARY KEY, observed_steps INTEGER NOT NULL, clock_MHz REAL NOT NULL, time_s REAL NOT NULL)
  WITHOUT ROWID;
COMMIT;
)sql";

/// Table `layers` and what is made of it. Version 2 had fewer columns.
constexpr const char* kLayersSchema = R"sql(
BEGIN;
DROP TABLE IF EXISTS layers;
CREATE TABLE layers(
  processor TEXT NOT NULL, place INTEGER NOT NULL, layer TEXT NOT NULL, phase TEXT NOT NULL,
  dense_macs INTEGER NOT NULL, effectual_macs INTEGER NOT NULL, cycles INTEGER NOT NULL,
  compute_cycles INTEGER NOT NULL, memory_cycles INTEGER NOT NULL, dram_bytes INTEGER NOT NULL,
  utilisation REAL NOT NULL, core_energy_J REAL NOT NULL, system_energy_J REAL NOT NULL,
  X_bytes REAL NOT NULL, W_bytes REAL NOT NULL, dZ_bytes REAL NOT NULL, sums_bytes REAL NOT NULL,
  shortcut_bytes REAL NOT NULL, bitmap_bytes REAL NOT NULL, stored_bytes INTEGER NOT NULL,
  PRIMARY KEY(processor, place)) WITHOUT ROWID;
CREATE VIEW batchnorm AS
  SELECT processor, place, layer, cycles, core_energy_J, system_energy_J,
    CAST(cycles AS REAL) / step_cycles AS time_share, core_energy_J / step_core_J AS core_energy_share,
    system_energy_J / step_system_J AS system_energy_share
  FROM layers JOIN (
    SELECT processor, SUM(cycles) AS step_cycles, SUM(core_energy_J) AS step_core_J,
      SUM(system_energy_J) AS step_system_J FROM layers GROUP BY processor) USING(processor)
  WHERE phase = 'BN';
PRAGMA user_version = 3;
COMMIT;
)sql";

/// Also made in the file of a run that an earlier version began.
constexpr const char* kSpeculationTable = R"sql(
CREATE TABLE IF NOT EXISTS speculation(
  step INTEGER NOT NULL, place INTEGER NOT NULL, layer TEXT NOT NULL,
  gradient_values INTEGER NOT NULL, gradient_operands INTEGER NOT NULL, gradients_dropped INTEGER NOT NULL,
  gradients_kept INTEGER NOT NULL, outputs INTEGER NOT NULL, outputs_wanted INTEGER NOT NULL,
  outputs_predicted INTEGER NOT NULL, outputs_audited INTEGER NOT NULL, outputs_audited_live INTEGER NOT NULL,
  outputs_skipped INTEGER NOT NULL, false_skips INTEGER NOT NULL, missed INTEGER NOT NULL, PRIMARY KEY(step, place)) WITHOUT ROWID;
)sql";

}  // namespace

Metrics Metrics::create(const std::filesystem::path& file) {
  Database database(file, Database::Mode::create);
  database.execute(kSchema);
  database.execute(kSpeculationTable);
  database.execute(kLayersSchema);
  return Metrics(std::move(database));
}

Metrics Metrics::resume(const std::filesystem::path& file, int64_t steps, int64_t epochs) {
  Database database(file, Database::Mode::existing);
  Statement version = database.prepare("PRAGMA user_version");
  const int64_t found = version.row() ? version.integer(0) : 0;
  version.row();
  if (found == kSchemaVersion - 1) {
    database.execute(kLayersSchema);  // set_processors() fills it with the sums that the checkpoint holds
  } else if (found != kSchemaVersion) {
    throw UsageError(
        fmt::format("{}: has schema version {}, this program writes {}; resume with the program that "
                    "began the run",
                    file.string(), found, kSchemaVersion));
  }
  database.execute(kSpeculationTable);
  database.execute("BEGIN IMMEDIATE");
  database.prepare("DELETE FROM steps WHERE step >= ?").bind(steps).run();
  database.prepare("DELETE FROM speculation WHERE step >= ?").bind(steps).run();
  database.prepare("DELETE FROM epochs WHERE epoch >= ?").bind(epochs).run();
  database.prepare("DELETE FROM sparsity WHERE epoch >= ?").bind(epochs).run();
  database.execute("COMMIT");
  return Metrics(std::move(database));
}

void Metrics::add_epoch(const EpochRow& row, const std::vector<SparsityRow>& sparsity) {
  flush();
  database_.execute("BEGIN IMMEDIATE");
  database_.prepare("INSERT OR REPLACE INTO epochs VALUES(?,?,?,?,?,?,?,?)")
      .bind(row.epoch)
      .bind(row.train.steps)
      .bind(row.train.loss)
      .bind(row.train.accuracy)
      .bind(row.test_loss)
      .bind(row.test_accuracy)
      .bind(row.weight_sparsity)
      .bind(row.train.train_s)
      .run();
  Statement insert = database_.prepare("INSERT OR REPLACE INTO sparsity VALUES(?,?,?,?,?)");
  for (const SparsityRow& layer : sparsity) {
    insert.bind(row.epoch)
        .bind(std::string_view(layer.layer))
        .bind(layer.weights)
        .bind(layer.unpruned)
        .bind(1 - static_cast<double>(layer.unpruned) / static_cast<double>(layer.weights))
        .run();
  }
  database_.execute("COMMIT");
}

bool Metrics::has_epoch(int64_t epoch) {
  return database_.prepare("SELECT 1 FROM epochs WHERE epoch = ?").bind(epoch).row();
}

void Metrics::set_processors(const std::vector<ProcessorResult>& results) {
  database_.execute("BEGIN IMMEDIATE; DELETE FROM processors; DELETE FROM layers");
  Statement processor = database_.prepare("INSERT INTO processors VALUES(?,?,?,?)");
  Statement insert = database_.prepare("INSERT INTO layers VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const ProcessorResult& result : results) {
    processor.bind(std::string_view(result.name))
        .bind(result.observed_steps)
        .bind(result.clock_MHz)
        .bind(result.time_s())
        .run();
    int64_t place = 0;
    for (const LayerPhaseResult& row : result.rows) {
      insert.bind(std::string_view(result.name))
          .bind(place++)
          .bind(std::string_view(row.layer))
          .bind(to_string(row.phase))
          .bind(row.dense_macs)
          .bind(row.effectual_macs)
          .bind(row.cycles)
          .bind(row.compute_cycles)
          .bind(row.memory_cycles)
          .bind(row.dram_bytes)
          .bind(row.utilisation)
          .bind(row.core_energy_J)
          .bind(row.system_energy_J);
      for (const OperandTraffic& traffic : operand_traffic()) {  // in the order of the columns
        insert.bind(loaded_bytes(row.loaded, traffic));
      }
      insert.bind(row.stored_bytes).run();
    }
  }
  database_.execute("COMMIT");
}

EpochTraining Metrics::epoch_training(int64_t epoch) {
  flush();
  // Computed from the recorded steps, so that a resumed run and an unbroken one get the same bits.
  Statement select = database_.prepare(
      "SELECT COUNT(*), SUM(loss * images) / SUM(images), CAST(SUM(correct) AS REAL) / SUM(images), SUM(step_s) "
      "FROM (SELECT * FROM steps WHERE epoch = ? ORDER BY step)");
  EpochTraining result;
  if (select.bind(epoch).row()) {
    result.steps = select.integer(0);
    result.loss = select.real(1).value_or(0);
    result.accuracy = select.real(2).value_or(0);
    result.train_s = select.real(3).value_or(0);
  }
  return result;
}

void Metrics::flush() {
  if (pending_.empty()) {
    return;
  }
  database_.execute("BEGIN IMMEDIATE");
  Statement insert = database_.prepare("INSERT INTO steps VALUES(?,?,?,?,?,?,?,?,?,?)");
  for (const StepRow& row : pending_) {
    insert.bind(row.step)
        .bind(row.epoch)
        .bind(row.loss)
        .bind(row.correct)
        .bind(row.images)
        .bind(row.learning_rate)
        .bind(row.weight_sparsity)
        .bind(static_cast<int64_t>(row.mask_changed))
        .bind(static_cast<int64_t>(row.observed))
        .bind(row.step_s)
        .run();
  }
  insert_speculation();
  database_.execute("COMMIT");
  pending_.clear();
}

void Metrics::insert_speculation() {
  Statement insert = database_.prepare("INSERT INTO speculation VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const StepSpeculation& step : pending_speculation_) {
    for (const LayerSpeculation& layer : step.layers) {
      insert.bind(step.step)
          .bind(static_cast<int64_t>(layer.index))
          .bind(std::string_view(layer.layer))
          .bind(layer.gradients.values)
          .bind(layer.gradients.operands)
          .bind(layer.gradients.dropped)
          .bind(layer.gradients.kept)
          .bind(layer.feedforward.outputs)
          .bind(layer.feedforward.wanted)
          .bind(layer.feedforward.predicted)
          .bind(layer.feedforward.audited)
          .bind(layer.feedforward.audited_live)
          .bind(layer.feedforward.skipped)
          .bind(layer.feedforward.false_skips)
          .bind(layer.feedforward.missed)
          .run();
    }
  }
  pending_speculation_.clear();
}

}  // namespace trainer
