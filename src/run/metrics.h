#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "processor/simulation.h"
#include "run/database.h"
#include "speculation/hook.h"

namespace trainer {

/// One training step, as table `steps` keeps it.
struct StepRow {
  int64_t step = 0;
  int64_t epoch = 0;
  double loss = 0;
  int64_t correct = 0;
  int64_t images = 0;
  double learning_rate = 0;
  double weight_sparsity = 0;
  bool mask_changed = false;
  bool observed = false;  ///< by the processors
  double step_s = 0;      ///< wall-clock time: the one column that differs from run to run
};

/// Means over the steps of one epoch.
struct EpochTraining {
  int64_t steps = 0;
  double loss = 0;
  double accuracy = 0;
  double train_s = 0;
};

struct EpochRow {
  int64_t epoch = 0;
  EpochTraining train;
  std::optional<double> test_loss;  ///< empty where the epoch was not evaluated
  std::optional<double> test_accuracy;
  double weight_sparsity = 0;
};

/// Unpruned weights of one layer at the end of an epoch.
struct SparsityRow {
  std::string layer;
  int64_t weights = 0;
  int64_t unpruned = 0;
};

/// metrics.sqlite of a run; its tables are described in docs/run-folder.md. Steps are kept in memory until flush().
class Metrics {
 public:
  /// Makes the file with its tables.
  static Metrics create(const std::filesystem::path& file);
  /// Opens it to go on after `steps` steps, of which `epochs` epochs are complete: whatever was recorded later goes.
  static Metrics resume(const std::filesystem::path& file, int64_t steps, int64_t epochs);

  void add_step(const StepRow& row) { pending_.push_back(row); }
  /// What speculation did in a step, for table `speculation`; kept in memory as steps are.
  void add_speculation(int64_t step, const std::vector<LayerSpeculation>& layers) {
    pending_speculation_.push_back({step, layers});
  }
  /// Replaces what is there of this epoch.
  void add_epoch(const EpochRow& row, const std::vector<SparsityRow>& sparsity);
  bool has_epoch(int64_t epoch);
  /// Replaces tables `processors` and `layers`.
  void set_processors(const std::vector<ProcessorResult>& results);
  /// What was recorded of an epoch's steps so far.
  EpochTraining epoch_training(int64_t epoch);
  /// Everything so far is on disk after it.
  void flush();

 private:
  explicit Metrics(Database database) : database_(std::move(database)) {}

  void insert_speculation();

  struct StepSpeculation {
    int64_t step = 0;
    std::vector<LayerSpeculation> layers;
  };

  Database database_;
  std::vector<StepRow> pending_;
  std::vector<StepSpeculation> pending_speculation_;
};

}  // namespace trainer
