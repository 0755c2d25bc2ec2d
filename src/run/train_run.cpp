#include "run/train_run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "run/choose_kernels.h"
#include "run/config_file.h"
#include "run/explain_kernels.h"
#include "run/kernel_note.h"
#include "run/stop_signal.h"
#include "run/train_loop.h"
#include "run/version.h"
#include "training/checkpoint.h"

namespace trainer {
namespace {

void announce(const RunConfig& config, Workbench& bench, const RunFolder& folder, Console& console) {
  for (const std::string& note : bench.notes) {
    console.line(note);
  }
  console.note(fmt::format("run {}: {} on {} ({} training images of {}, {} classes), {} steps of {} images",
                           folder.path().string(), config.model, config.data, bench.train_images, config.image_size,
                           bench.model.classes.size(), bench.total_steps, config.batch));
  console.note(kernel_note(parse_kernel_path(config.kernels), *bench.network, kConvolutionPhases));
}

TrainRun begin(const TrainRequest& request, Console& console) {
  if (!request.out.empty()) {
    check_new_folder(request.out);
  }
  RunConfig config = request.config;
  const std::string data_name = config.data;
  Workbench bench = build_workbench(config, true);
  RunFolder folder =
      request.out.empty() ? RunFolder::create_numbered(config.model, data_name) : RunFolder::create(request.out);
  nlohmann::json resolved = {{"version", version()},
                             {"classes", bench.model.classes.size()},
                             {"train-images", bench.train_images},
                             {"steps-per-epoch", bench.steps_per_epoch},
                             {"total-steps", bench.total_steps}};
  if (bench.simulation != nullptr) {
    resolved["processors"] = bench.simulation->resolved();
  }
  Metrics metrics = Metrics::create(folder.metrics_file());
  // Last: a folder with run.yaml is one that can be resumed.
  write_file_atomically(folder.config_file(), config_yaml(config, resolved));
  announce(config, bench, folder, console);
  return {std::move(config), std::move(bench), std::move(folder), std::move(metrics), console};
}

RunConfig resumed_config(const TrainRequest& request, const RunFolder& folder) {
  RunConfig config = default_config();
  read_config_file(folder.config_file(), config);
  // The machine may be another one now, so the number of threads is not taken over.
  config.given.erase("threads");
  for (const std::string& key : request.config.given) {
    const RunOption* option = find_run_option(key);
    if (!option->may_change_on_resume) {
      throw UsageError(
          fmt::format("--{}: cannot change in a run that is resumed; to train on from its weights start a "
                      "new one with --init {}",
                      key, folder.path().string()));
    }
    set_option(config, *option, option_values(request.config, *option), fmt::format("--{}", key));
  }
  // All that was measured is written down. What is not was chosen by the rule and goes on like that.
  config.kernel_choice = "rule";
  return config;
}

/// Restores the newest readable checkpoint; null where there is none at all.
nlohmann::json load_newest(const RunFolder& folder, const std::vector<CheckpointFile>& files, TrainingSession& session,
                           Console& console) {
  for (const CheckpointFile& candidate : files) {
    try {
      return load_checkpoint(candidate.file, session);
    } catch (const UsageError& error) {
      // Out of the way: it must not count as the newest of the checkpoints to keep.
      const std::string aside = folder.set_aside(candidate);
      console.line(fmt::format("warning: {}; renamed to {}, the checkpoint before it is used", error.what(), aside));
    }
  }
  if (!files.empty()) {
    throw UsageError(fmt::format("--resume: no checkpoint in {} is readable; start a new run",
                                 (folder.path() / "checkpoints").string()));
  }
  return nullptr;
}

TrainRun resume(const TrainRequest& request, Console& console) {
  RunFolder folder = RunFolder::open(request.resume);
  RunConfig config = resumed_config(request, folder);
  const std::vector<CheckpointFile> files = list_checkpoints(folder.path());
  Workbench bench = build_workbench(config, files.empty());
  const nlohmann::json document = load_newest(folder, files, *bench.session, console);
  const int64_t steps = bench.session->steps_done();
  const int64_t epochs = steps == bench.total_steps ? bench.epochs() : steps / bench.steps_per_epoch;
  Metrics metrics = Metrics::resume(folder.metrics_file(), steps, epochs);
  announce(config, bench, folder, console);
  console.note(steps == 0 ? std::string("no checkpoint yet: starts from the beginning")
                          : fmt::format("resumes after step {}", steps));
  TrainRun run(std::move(config), std::move(bench), std::move(folder), std::move(metrics), console);
  if (!document.is_null()) {
    run.restore(document);
  }
  return run;
}

void print_explanation(const RunConfig& config, Workbench& bench, bool json, Console& console) {
  const CostModels models =
      config.kernel_choice == "measured"
          ? bench.kernel_cache.measure(contraction_shapes(*bench.network), bench.network->format(), bench.notes)
          : bench.kernel_cache.load(bench.network->format(), bench.notes);
  for (const std::string& note : bench.notes) {
    console.line(note);
  }
  const std::vector<KernelExplanation> rows = explain_kernels(*bench.network, models);
  fmt::print("{}", json ? kernel_explanation_json(rows).dump(2) + "\n" : kernel_explanation_table(rows));
}

void explain(const TrainRequest& request, Console& console) {
  if (request.resume.empty()) {
    RunConfig config = request.config;
    Workbench bench = build_workbench(config, true);
    print_explanation(config, bench, request.json, console);
    return;
  }
  const RunFolder folder = RunFolder::open(request.resume);
  RunConfig config = resumed_config(request, folder);
  const std::vector<CheckpointFile> files = list_checkpoints(folder.path());
  Workbench bench = build_workbench(config, files.empty());
  load_newest(folder, files, *bench.session, console);
  print_explanation(config, bench, request.json, console);
}

}  // namespace

int train(const TrainRequest& request) {
  const StopSignal signals;
  // With --json the document alone is on standard output.
  Console console(request.json ? stderr : stdout, !request.quiet);
  if (request.explain_kernels) {
    explain(request, console);
    return 0;
  }
  TrainRun run = request.resume.empty() ? begin(request, console) : resume(request, console);
  const int signal = run.run();
  if (signal != 0) {
    console.line(fmt::format("stopped by a signal; a checkpoint is written, go on with: trainer train --resume {}",
                             run.folder().path().string()));
    return 128 + signal;
  }
  run.print_results(request.json);
  return 0;
}

}  // namespace trainer
