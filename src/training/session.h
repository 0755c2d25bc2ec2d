#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/loader.h"
#include "network/network.h"
#include "speculation/small_updates.h"
#include "training/loss_scale.h"
#include "training/optimizer.h"
#include "training/pruning/method.h"
#include "training/schedule.h"

namespace trainer {

struct TrainingOptions {
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  PruningOptions pruning;
  float label_smoothing = 0;
  uint64_t seed = 1;
  bool skip_small_updates = false;  ///< see SmallUpdates, in the format of stored activations
};

/// What one step did.
struct StepResult {
  int64_t step = 0;  ///< 0-based, of this step
  double loss = 0;   ///< mean over the batch, nats; finite (a step that diverges throws SystemFailure)
  int64_t correct = 0;
  int64_t images = 0;
  float learning_rate = 0;
  bool mask_changed = false;
  bool overflowed = false;             ///< a gradient did: no UP and no pruning (see LossScale)
  SmallUpdates::Counts small_updates;  ///< zeros unless they are skipped
};

/// One network being trained: FF, loss, BP, WG, UP and pruning, step by step. Everything that the next step depends on
/// is in here, in the loader's position (a function of the step) and in the options, so saving it resumes
/// bit-identically.
class TrainingSession {
 public:
  /// `network` must be planned and outlive the session. Applies the starting masks. Throws UsageError for options that
  /// are out of range or a sparsity that this network cannot reach.
  TrainingSession(Network& network, TrainingOptions options);
  ~TrainingSession();

  /// FF, loss, BP and WG, UP, pruning. On a step whose mask RigL changes there is no UP (and no StepHook::update): its
  /// gradient chooses the weights that grow. Throws SystemFailure when the loss is not finite, UsageError for labels or
  /// images that do not fit the network; the session must then not go on. In FP16 and FP8 the loss is
  /// scaled; a step whose gradients overflow changes nothing but the scale.
  StepResult step(const Batch& batch, StepHook* hook = nullptr);
  /// Steps done so far.
  int64_t steps_done() const;
  /// Part of all prunable weights (see target_densities) that is pruned now, 0..1.
  double weight_sparsity() const;

  Network& network();
  Optimizer& optimizer();
  LossScale& loss_scale();
  const TrainingOptions& options() const;

  /// For checkpoints: restores the counter; masks must have been set through set_pattern before optimiser state is
  /// read.
  void set_steps_done(int64_t steps);
  /// Gives parameter number `index` (order of Network::parameters()) another mask, carrying values and state over.
  void set_pattern(size_t index, std::shared_ptr<const Pattern> pattern);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Evaluation {
  double loss = 0;      ///< mean, nats
  double accuracy = 0;  ///< top-1, 0..1
  int64_t images = 0;
};

/// Inference over one pass of `loader` (made without augmentation, shuffle or drop_last) on a planned network.
Evaluation evaluate(Network& network, Loader& loader, const std::function<void(int64_t batch, int64_t of)>& progress);

}  // namespace trainer
