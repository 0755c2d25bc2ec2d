#include "training/session.h"

#include <fmt/format.h>

#include <cassert>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/loss/softmax_cross_entropy.h"
#include "network/quantiser.h"
#include "training/pruning/apply.h"

namespace trainer {
namespace {

// Keeps the random numbers of pruning apart from those of initial weights and of augmentation under the same seed.
constexpr uint64_t kPruningStream = uint64_t{0x5052554E} << 32;  // "PRUN"

/// A weight that pruning may touch and sparsity counts.
struct PrunableWeight {
  size_t index = 0;  // among all parameters
  double density = 1;
};

}  // namespace

struct TrainingSession::State {
  State(Network& trained, TrainingOptions chosen);

  void apply_starting_masks();
  bool mask_is_due() const;
  void request_dense_gradients();
  bool update_masks();
  bool backpropagate(StepHook* hook, bool with_dense_gradients);
  void set_pattern(size_t index, std::shared_ptr<const Pattern> pattern);
  /// Of the run, when the present step is done.
  double progress() const {
    return static_cast<double>(steps_done + 1) / static_cast<double>(options.schedule.total_steps);
  }

  Network& network;
  TrainingOptions options;
  std::vector<Parameter*> parameters;
  std::vector<PrunableWeight> prunable_weights;
  std::unique_ptr<PruningMethod> method;
  std::unique_ptr<Optimizer> optimizer;
  LossScale loss_scale;
  std::optional<SmallUpdates> small_updates;
  Tensor dlogits;
  int64_t steps_done = 0;
};

TrainingSession::State::State(Network& trained, TrainingOptions chosen)
    : network(trained), options(std::move(chosen)), parameters(network.parameters()), loss_scale(network.precision()) {
  (void)learning_rate(options.schedule, 0);  // throws now, not at the first step, when the schedule is wrong
  if (!(options.label_smoothing >= 0 && options.label_smoothing < 1)) {
    throw UsageError(fmt::format("label smoothing is {}, must be at least 0 and below 1", options.label_smoothing));
  }
  method = make_pruning_method(options.pruning);
  apply_starting_masks();
  optimizer = make_optimizer(options.optimizer, parameters);
  dlogits = Tensor(network.output_shape());
  if (options.skip_small_updates) {
    small_updates.emplace(network.format());
  }
}

void TrainingSession::State::apply_starting_masks() {
  std::vector<size_t> indices;
  std::vector<const Parameter*> weights;
  for (size_t index = 0; index < parameters.size(); ++index) {
    if (parameters[index]->is_weight) {
      indices.push_back(index);
      weights.push_back(parameters[index]);
    }
  }
  const std::vector<uint8_t> may_prune = prunable(options.pruning, weights);
  const std::vector<double> densities = target_densities(options.pruning, weights);
  for (size_t i = 0; i < weights.size(); ++i) {
    Parameter& weight = *parameters[indices[i]];
    if (may_prune[i] != 0) {
      prunable_weights.push_back({indices[i], densities[i]});
    }
    // A method that starts dense still respects a mask that came with the weights.
    const bool masked = may_prune[i] != 0 && options.pruning.sparsity > 0;
    if (masked && !method->starts_sparse()) {
      continue;
    }
    Random random(options.seed, kPruningStream, static_cast<uint32_t>(indices[i]));
    const auto pattern =
        starting_pattern(options.pruning, weight, unpruned_count(densities[i], weight.pattern->size()), random);
    if (pattern != weight.pattern) {
      apply_pattern(weight, pattern);
    }
  }
}

bool TrainingSession::State::mask_is_due() const {
  if (options.pruning.sparsity == 0) {
    return false;
  }
  const double stop_at = options.pruning.stop_at;
  if (progress() < stop_at) {
    return (steps_done + 1) % options.pruning.update_interval == 0;
  }
  // What started dense gets one last change, to be exactly at its target from here on.
  const double before = static_cast<double>(steps_done) / static_cast<double>(options.schedule.total_steps);
  return !method->starts_sparse() && before < stop_at;
}

void TrainingSession::State::request_dense_gradients() {
  for (const PrunableWeight& weight : prunable_weights) {
    if (!parameters[weight.index]->pattern->is_full()) {
      network.request_dense_gradient(*parameters[weight.index]);
    }
  }
}

/// BP and WG. Returns whether a gradient overflowed; false in FP32, where nobody looks.
bool TrainingSession::State::backpropagate(StepHook* hook, bool with_dense_gradients) {
  if (!loss_scale.active()) {
    network.backpropagate(dlogits, hook);
    return false;
  }
  for (float& gradient : dlogits.values()) {
    gradient *= loss_scale.value();
  }
  network.backpropagate(dlogits, hook);
  bool finite = loss_scale.unscale(parameters);
  if (const Quantiser* quantiser = network.quantiser(); quantiser != nullptr) {
    finite = finite && !quantiser->overflowed();
  }
  if (with_dense_gradients) {
    for (const PrunableWeight& weight : prunable_weights) {
      const Parameter& parameter = *parameters[weight.index];
      finite = finite && (parameter.pattern->is_full() || all_finite(network.dense_gradient(parameter)));
    }
  }
  return !finite;
}

bool TrainingSession::State::update_masks() {
  network.release_patterns();  // old and new masks, with what goes with them, are in memory together for a while
  std::vector<PruningView> views;
  for (const PrunableWeight& prunable_weight : prunable_weights) {
    const Parameter& weight = *parameters[prunable_weight.index];
    const bool has_dense_gradient = method->needs_dense_gradient() && !weight.pattern->is_full();
    views.push_back({weight, prunable_weight.density,
                     has_dense_gradient ? network.dense_gradient(weight) : std::span<const float>{}});
  }
  std::vector<std::shared_ptr<const Pattern>> next(views.size());
  parallel_for(static_cast<int64_t>(views.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      Random random(options.seed, kPruningStream + static_cast<uint64_t>(steps_done) + 1,
                    static_cast<uint32_t>(prunable_weights[i].index));
      next[i] = method->next_pattern(views[i], progress(), random);
    }
  });
  bool changed = false;
  for (size_t i = 0; i < views.size(); ++i) {
    if (next[i] != views[i].weight.pattern) {
      set_pattern(prunable_weights[i].index, std::move(next[i]));
      changed = true;
    }
  }
  return changed;
}

void TrainingSession::State::set_pattern(size_t index, std::shared_ptr<const Pattern> pattern) {
  Parameter& weight = *parameters[index];
  const std::shared_ptr<const Pattern> old = weight.pattern;
  apply_pattern(weight, std::move(pattern));
  optimizer->pattern_changed(index, *old);
}

TrainingSession::TrainingSession(Network& network, TrainingOptions options)
    : state_(std::make_unique<State>(network, std::move(options))) {}

TrainingSession::~TrainingSession() = default;

StepResult TrainingSession::step(const Batch& batch, StepHook* hook) {
  State& state = *state_;
  StepResult result;
  result.step = state.steps_done;
  result.images = static_cast<int64_t>(batch.labels.size());
  result.learning_rate = learning_rate(state.options.schedule, state.steps_done);
  if (hook != nullptr) {
    hook->begin_step(state.steps_done);
  }

  const Tensor& logits = state.network.feedforward(batch.images, true, hook);
  const LossResult loss = softmax_cross_entropy(logits, batch.labels, state.options.label_smoothing, state.dlogits);
  result.loss = loss.mean_loss;
  result.correct = loss.correct;
  if (!std::isfinite(loss.mean_loss)) {
    throw SystemFailure(
        fmt::format("training diverged: the loss of step {} is {}; lower --lr (the rate is {} there) or warm up longer",
                    state.steps_done, loss.mean_loss, result.learning_rate));
  }

  const bool mask_is_due = state.mask_is_due();
  const bool gradient_chooses_weights = mask_is_due && state.method->needs_dense_gradient();
  if (gradient_chooses_weights) {
    state.request_dense_gradients();
  }
  result.overflowed = state.backpropagate(hook, gradient_chooses_weights);
  state.loss_scale.step_done(result.overflowed);
  state.network.step_done(result.overflowed);
  if (!gradient_chooses_weights && !result.overflowed) {
    if (state.small_updates) {
      state.small_updates->remember(state.parameters);
    }
    state.optimizer->step(result.learning_rate);
    if (state.small_updates) {
      result.small_updates = state.small_updates->leave_out(state.parameters);
    }
    if (hook != nullptr) {
      hook->update(state.parameters);
    }
  }
  result.mask_changed = mask_is_due && !result.overflowed && state.update_masks();
  if (hook != nullptr) {
    hook->end_step();
  }
  ++state.steps_done;
  return result;
}

int64_t TrainingSession::steps_done() const { return state_->steps_done; }

double TrainingSession::weight_sparsity() const {
  int64_t all = 0;
  int64_t unpruned = 0;
  for (const PrunableWeight& weight : state_->prunable_weights) {
    all += state_->parameters[weight.index]->pattern->size();
    unpruned += state_->parameters[weight.index]->pattern->nonzeros();
  }
  return all == 0 ? 0.0 : static_cast<double>(all - unpruned) / static_cast<double>(all);
}

Network& TrainingSession::network() { return state_->network; }
Optimizer& TrainingSession::optimizer() { return *state_->optimizer; }
LossScale& TrainingSession::loss_scale() { return state_->loss_scale; }
const TrainingOptions& TrainingSession::options() const { return state_->options; }

void TrainingSession::set_steps_done(int64_t steps) {
  assert(steps >= 0);
  state_->steps_done = steps;
}

void TrainingSession::set_pattern(size_t index, std::shared_ptr<const Pattern> pattern) {
  state_->set_pattern(index, std::move(pattern));
}

}  // namespace trainer
