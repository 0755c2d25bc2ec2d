#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "run/config.h"
#include "run/console.h"
#include "run/folder.h"
#include "run/metrics.h"
#include "run/workbench.h"

namespace trainer {

/// One run from its present step to its end: steps, epoch ends, checkpoints, summary.
class TrainRun {
 public:
  TrainRun(RunConfig config, Workbench bench, RunFolder folder, Metrics metrics, Console& console)
      : config_(std::move(config)),
        bench_(std::move(bench)),
        folder_(std::move(folder)),
        metrics_(std::move(metrics)),
        console_(console) {}

  /// Takes over what a checkpoint's document holds beside the session.
  void restore(const nlohmann::json& document);
  /// Trains on to the end. Returns the signal that ended it, 0 at the end of the run.
  int run();
  void print_results(bool json) const;
  const RunFolder& folder() const { return folder_; }

 private:
  void step();
  /// Evaluates where that is due and records the epoch that just ended.
  void end_epoch();
  void checkpoint();
  void write_summary();
  std::vector<SparsityRow> layer_sparsity() const;
  Progress progress_now(const StepResult& result);
  int64_t steps_done() const { return bench_.session->steps_done(); }
  bool at_epoch_end() const { return steps_done() % bench_.steps_per_epoch == 0 || steps_done() == bench_.total_steps; }
  /// Of the epoch that the last step belongs to.
  int64_t last_epoch() const { return (steps_done() - 1) / bench_.steps_per_epoch; }
  std::vector<ProcessorResult> processor_results() const {
    return bench_.simulation == nullptr ? std::vector<ProcessorResult>{} : bench_.simulation->results();
  }

  RunConfig config_;
  Workbench bench_;
  RunFolder folder_;
  Metrics metrics_;
  Console& console_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double earlier_wall_s_ = 0;  ///< of the parts of this run before it was resumed
  double train_s_ = 0;         ///< in steps alone, all parts
  SmallUpdates::Counts small_updates_;
  Evaluation evaluation_;
  EpochTraining epoch_training_;
  nlohmann::json summary_;
  // Of the present epoch, for the progress line.
  int64_t epoch_correct_ = 0;
  int64_t epoch_images_ = 0;
  double recent_step_s_ = 0;
};

}  // namespace trainer
