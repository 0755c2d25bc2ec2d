#include "run/train_loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "network/onnx/export.h"
#include "run/batchnorm_share.h"
#include "run/dataflow_report.h"
#include "run/processor_table.h"
#include "run/speculation_report.h"
#include "run/stop_signal.h"
#include "run/summary.h"
#include "run/version.h"
#include "training/checkpoint.h"

namespace trainer {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

/// Leaves an evaluation that a signal interrupts.
struct Interrupted {};

}  // namespace

void TrainRun::restore(const nlohmann::json& document) {
  if (document.at("train_images") != bench_.train_images || document.at("model") != to_json(bench_.model)) {
    throw UsageError(
        fmt::format("--resume: {} is no longer the data that this run began with; restore it, or start a "
                    "new run with --init {}",
                    config_.data, folder_.path().string()));
  }
  earlier_wall_s_ = document.at("wall_s").get<double>();
  train_s_ = document.at("train_s").get<double>();
  if (bench_.simulation != nullptr) {
    bench_.simulation->restore(document.at("processors"));
  }
  if (bench_.speculation != nullptr) {
    bench_.speculation->restore(document.at("speculation"));
  }
  if (config_.skip_small_updates) {
    const nlohmann::json& saved = document.at("small_updates");
    small_updates_ = {saved.at("updates").get<int64_t>(), saved.at("left_out").get<int64_t>()};
  }
}

int TrainRun::run() {
  // A signal or a kill during the evaluation at an epoch's end leaves that epoch open; the summary of a run that has
  // all its steps wants its last evaluation again.
  const bool finished = steps_done() == bench_.total_steps;
  if (finished || (steps_done() > 0 && at_epoch_end() && !metrics_.has_epoch(last_epoch()))) {
    try {
      end_epoch();
    } catch (const Interrupted&) {
      checkpoint();
      return StopSignal::received();
    }
  }
  if (steps_done() < bench_.total_steps) {
    bench_.train->start(steps_done() / bench_.steps_per_epoch, steps_done() % bench_.steps_per_epoch);
  }
  while (steps_done() < bench_.total_steps) {
    try {
      step();
      if (at_epoch_end()) {
        end_epoch();
      }
    } catch (const Interrupted&) {
      checkpoint();
      return StopSignal::received();
    } catch (const SystemFailure&) {
      metrics_.flush();  // the steps that led to a divergence are what its cause is looked for in
      throw;
    }
    const bool due = config_.checkpoint_every > 0 && steps_done() % config_.checkpoint_every == 0;
    const int signal = steps_done() < bench_.total_steps ? StopSignal::received() : 0;
    if (at_epoch_end() || due || signal != 0) {
      checkpoint();
    }
    if (signal != 0) {
      return signal;
    }
  }
  const SavedModel& model = bench_.model;
  export_onnx(*bench_.network, folder_.onnx_file(),
              {model.classes, model.mean, model.deviation, {{"model", model.name}}});
  write_summary();
  return 0;
}

void TrainRun::step() {
  const auto begin = Clock::now();
  const int64_t number = steps_done();
  const Batch& batch = bench_.train->next();
  StepHook* const hook = bench_.simulation == nullptr ? nullptr : bench_.simulation->hook(number);
  if (bench_.speculation != nullptr) {
    bench_.speculation->forward_to(hook);
  }
  const StepResult result =
      bench_.session->step(batch, bench_.speculation != nullptr ? bench_.speculation.get() : hook);
  const double step_s = seconds_since(begin);
  train_s_ += step_s;
  recent_step_s_ = recent_step_s_ == 0 ? step_s : 0.95 * recent_step_s_ + 0.05 * step_s;

  if (number % bench_.steps_per_epoch == 0) {
    epoch_correct_ = 0;
    epoch_images_ = 0;
  }
  epoch_correct_ += result.correct;
  epoch_images_ += result.images;
  metrics_.add_step({number, number / bench_.steps_per_epoch, result.loss, result.correct, result.images,
                     result.learning_rate, bench_.session->weight_sparsity(), result.mask_changed, hook != nullptr,
                     step_s});
  if (bench_.speculation != nullptr) {
    metrics_.add_speculation(number, bench_.speculation->last_step());
  }
  small_updates_.updates += result.small_updates.updates;
  small_updates_.left_out += result.small_updates.left_out;
  if (result.overflowed) {
    console_.note(fmt::format("step {}: a gradient overflowed {}; no weight changes, the loss scale is now {}", number,
                              config_.precision, bench_.session->loss_scale().value()));
  }
  console_.progress(progress_now(result));
}

Progress TrainRun::progress_now(const StepResult& result) {
  Progress progress;
  progress.step = steps_done();
  progress.steps = bench_.total_steps;
  progress.epoch = last_epoch();
  progress.epochs = bench_.epochs();
  progress.loss = result.loss;
  progress.accuracy = static_cast<double>(epoch_correct_) / static_cast<double>(epoch_images_);
  progress.weight_sparsity = bench_.session->weight_sparsity();
  progress.images_per_s = static_cast<double>(config_.batch) / recent_step_s_;
  progress.left_s = recent_step_s_ * static_cast<double>(bench_.total_steps - steps_done());
  return progress;
}

void TrainRun::end_epoch() {
  const int64_t epoch = last_epoch();
  const bool last = steps_done() == bench_.total_steps;
  EpochRow row;
  row.epoch = epoch;
  row.train = metrics_.epoch_training(epoch);
  row.weight_sparsity = bench_.session->weight_sparsity();
  epoch_training_ = row.train;
  std::string test;
  if (last || (config_.evaluate_every > 0 && (epoch + 1) % config_.evaluate_every == 0)) {
    evaluation_ = evaluate(*bench_.network, *bench_.test, [&](int64_t done, int64_t of) {
      if (StopSignal::received() != 0) {
        throw Interrupted{};
      }
      console_.evaluation(done, of);
    });
    row.test_loss = evaluation_.loss;
    row.test_accuracy = evaluation_.accuracy;
    test = fmt::format("  test loss {:.4f}  test accuracy {:.2f} %", evaluation_.loss, 100 * evaluation_.accuracy);
  }
  metrics_.add_epoch(row, layer_sparsity());
  console_.note(fmt::format("epoch {}/{}  step {}  train loss {:.4f}  train accuracy {:.2f} %{}  sparsity {:.1f} %  {}",
                            epoch + 1, bench_.epochs(), steps_done(), row.train.loss, 100 * row.train.accuracy, test,
                            100 * row.weight_sparsity, duration_text(earlier_wall_s_ + seconds_since(start_))));
  if (bench_.speculation != nullptr) {
    console_.note(speculation_line(bench_.speculation->totals()));
  }
}

std::vector<SparsityRow> TrainRun::layer_sparsity() const {
  std::vector<SparsityRow> rows;
  for (const Parameter* parameter : bench_.network->parameters()) {
    if (parameter->is_weight) {
      rows.push_back({parameter->name, parameter->pattern->size(), parameter->pattern->nonzeros()});
    }
  }
  return rows;
}

void TrainRun::checkpoint() {
  // Metrics first: whenever the process dies, the rows up to the newest checkpoint are there.
  metrics_.flush();
  metrics_.set_processors(processor_results());
  nlohmann::json document = {{"program", version()},
                             {"config", to_json(config_)},
                             {"model", to_json(bench_.model)},
                             {"train_images", bench_.train_images},
                             {"steps", steps_done()},
                             {"wall_s", earlier_wall_s_ + seconds_since(start_)},
                             {"train_s", train_s_}};
  if (bench_.simulation != nullptr) {
    document["processors"] = bench_.simulation->save();
  }
  if (bench_.speculation != nullptr) {
    document["speculation"] = bench_.speculation->save();
  }
  if (config_.skip_small_updates) {
    document["small_updates"] = {{"updates", small_updates_.updates}, {"left_out", small_updates_.left_out}};
  }
  save_checkpoint(folder_.checkpoint_file(steps_done()), *bench_.session, document);
  folder_.prune_checkpoints(config_.keep);
}

void TrainRun::write_summary() {
  const double images = static_cast<double>(steps_done() * config_.batch);
  summary_ = {{"test_accuracy", evaluation_.accuracy},
              {"test_loss", evaluation_.loss},
              {"test_images", evaluation_.images},
              {"train_accuracy", epoch_training_.accuracy},
              {"train_loss", epoch_training_.loss},
              {"weight_sparsity", bench_.session->weight_sparsity()},
              {"images_per_s", images / train_s_},
              {"steps", steps_done()},
              {"epochs", bench_.epochs()},
              {"wall_s", earlier_wall_s_ + seconds_since(start_)},
              {"train_s", train_s_},
              {"peak_memory_bytes", peak_memory_bytes()},
              {"model", config_.model},
              {"data", config_.data},
              {"seed", config_.seed},
              {"kernels", config_.kernels},
              {"threads", thread_count()},
              {"version", version()},
              {"left_out", config_.speculation},
              {"processors", processors_json(processor_results())}};
  if (bench_.speculation != nullptr) {
    summary_["speculation"] = speculation_json(bench_.speculation->totals());
    summary_["speculation"]["classes"] = config_.speculation;
  }
  if (config_.skip_small_updates) {
    summary_["small_updates"] = {{"updates", small_updates_.updates}, {"left_out", small_updates_.left_out}};
  }
  write_file_atomically(folder_.summary_file(), summary_.dump(2) + "\n");
}

void TrainRun::print_results(bool json) const {
  const std::vector<ProcessorResult> results = processor_results();
  if (json) {
    nlohmann::json document = summary_;
    document["run"] = folder_.path().string();
    document["layers"] = layers_json(results);
    for (const ProcessorResult& result : results) {
      if (!result.choices.empty()) {
        document["dataflow"][result.name] = dataflow_json(result);
      }
    }
    fmt::print("{}\n", document.dump(2));
    return;
  }
  console_.line(fmt::format(
      "test accuracy {:.2f} %  sparsity {:.1f} %  {} steps  {:.0f} images/s  time {}  peak memory {:.0f} MiB",
      100 * evaluation_.accuracy, 100 * bench_.session->weight_sparsity(), steps_done(),
      summary_["images_per_s"].get<double>(), duration_text(summary_["wall_s"].get<double>()),
      summary_["peak_memory_bytes"].get<double>() / (1024 * 1024)));
  if (config_.skip_small_updates) {
    console_.line(fmt::format("small updates: {} of {} left out", small_updates_.left_out, small_updates_.updates));
  }
  if (bench_.speculation != nullptr) {
    console_.line(fmt::format("\n{}\n{}", speculation_line(bench_.speculation->totals()),
                              speculation_table(bench_.speculation->totals())));
  }
  for (const ProcessorResult& result : results) {
    console_.line(fmt::format("\n{}", processor_table(result)));
  }
  for (const ProcessorResult& result : results) {
    if (!result.choices.empty()) {
      console_.line(fmt::format("\n{}", dataflow_report(result)));
    }
  }
  const std::string batchnorm = batchnorm_table(results);
  if (!batchnorm.empty()) {
    console_.line(fmt::format("\n{}", batchnorm));
  }
  const std::string comparison = comparison_table(results);
  if (!comparison.empty()) {
    console_.line(fmt::format("\n{}", comparison));
  }
  console_.line(fmt::format("run folder {}", folder_.path().string()));
}

}  // namespace trainer
