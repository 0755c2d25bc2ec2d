#include "run/workbench.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "run/choose_kernels.h"
#include "run/processor_request.h"
#include "run/resolve.h"
#include "run/resolve_speculation.h"

namespace trainer {
namespace {

/// Decoding shares the processors with the step: one thread keeps ahead of it except for large photographs.
int decoding_workers() { return std::clamp(thread_count() / 2, 1, 8); }

std::unique_ptr<Loader> training_loader(const RunConfig& config, const DataSplit& data, const SavedModel& model) {
  LoaderOptions options;
  options.batch = config.batch;
  options.height = model.height;
  options.width = model.image_width;
  options.mean = model.mean;
  options.deviation = model.deviation;
  options.augment = config.augment;
  options.crop_padding = config.crop_padding;
  options.flip = config.flip;
  options.shuffle = true;
  options.drop_last = true;  // a part-filled batch would change what BN sees
  options.seed = static_cast<uint64_t>(config.seed);
  options.workers = decoding_workers();
  return std::make_unique<Loader>(data.train, options);
}

TrainingOptions training_options(const RunConfig& config, int64_t steps_per_epoch, int64_t total_steps) {
  TrainingOptions options;
  options.optimizer.name = config.optimizer;
  options.optimizer.momentum = static_cast<float>(config.momentum);
  options.optimizer.nesterov = config.nesterov;
  options.optimizer.weight_decay = static_cast<float>(config.weight_decay);
  options.schedule.name = config.schedule;
  options.schedule.rate = static_cast<float>(config.lr);
  options.schedule.warmup_steps = std::llround(config.warmup * static_cast<double>(steps_per_epoch));
  options.schedule.total_steps = total_steps;
  options.pruning.method = config.method;
  options.pruning.sparsity = config.sparsity;
  options.pruning.distribution = config.distribution;
  options.pruning.update_interval = config.update_interval;
  options.pruning.update_fraction = config.update_fraction;
  options.pruning.stop_at = config.stop_at;
  options.pruning.begin_at = config.begin_at;
  options.pruning.start = config.start;
  options.pruning.prune_first_and_last = config.prune_first_and_last;
  options.label_smoothing = static_cast<float>(config.label_smoothing);
  options.seed = static_cast<uint64_t>(config.seed);
  options.skip_small_updates = config.skip_small_updates;
  return options;
}

/// In an FP8 run a processor multiplies in FP8 too, unless --set says otherwise.
std::unique_ptr<Simulation> attach_processors(const RunConfig& config, std::vector<std::string>& notes) {
  if (config.processor.empty()) {
    return nullptr;
  }
  std::vector<std::string> overrides = config.set;
  const bool precision_is_set =
      std::ranges::any_of(config.set, [](const std::string& text) { return text.starts_with("precision="); });
  if (config.precision == "fp8" && !precision_is_set) {
    overrides.emplace_back("precision=fp8");
    notes.emplace_back("processors multiply in fp8, as the run does; --set precision=fp16 changes that");
  }
  std::vector<ProcessorRequest> requests;
  for (const std::string& processor : config.processor) {
    requests.push_back(processor_request(processor, overrides));
  }
  return std::make_unique<Simulation>(requests, config.observe_every, config.explain_dataflow);
}

SpeculationOptions speculation_options(const RunConfig& config, const SpeculationClasses& classes) {
  SpeculationOptions options;
  options.classes = classes;
  options.feedforward.false_skip_target = config.false_skip_target;
  options.feedforward.audit_rate = config.audit_rate;
  options.feedforward.seed = static_cast<uint64_t>(config.seed);
  options.gradients.drop = config.gradient_drop;
  options.gradients.seed = static_cast<uint64_t>(config.seed);
  return options;
}

}  // namespace

std::unique_ptr<Loader> evaluation_loader(std::shared_ptr<const Dataset> images, const SavedModel& model,
                                          int64_t batch) {
  LoaderOptions options;
  options.batch = batch;
  options.height = model.height;
  options.width = model.image_width;
  options.mean = model.mean;
  options.deviation = model.deviation;
  options.workers = decoding_workers();
  return std::make_unique<Loader>(std::move(images), options);
}

Workbench build_workbench(RunConfig& config, bool apply_init) {
  if (config.is_given("threads")) {
    set_thread_count(static_cast<int>(config.threads));
  }
  const DataSplit data = open_dataset(config.data);
  resolve(config, data);

  Workbench bench;
  const ImageSize size = parse_image_size(config.image_size);
  bench.model = {config.model, config.width,  data.train->channels(),
                 size.height,  size.width,    data.train->class_names(),
                 data.mean,    data.deviation};
  bench.train_images = data.train->size();
  bench.steps_per_epoch = bench.train_images / config.batch;
  bench.total_steps = config.epochs * bench.steps_per_epoch;
  if (config.max_steps > 0) {
    bench.total_steps = std::min(bench.total_steps, config.max_steps);
  }

  bench.simulation = attach_processors(config, bench.notes);
  const nlohmann::json processors = bench.simulation == nullptr ? nullptr : bench.simulation->resolved();
  const SpeculationClasses classes = resolve_speculation(config, processors);
  if (bench.simulation != nullptr) {
    bench.simulation->restrict_masks(classes.backpropagation, classes.weight_gradient);
    if (const std::string note = unused_masks_note(classes, processors); !note.empty()) {
      bench.notes.push_back(note);
    }
  }
  if (classes.change_values()) {
    bench.speculation = std::make_unique<SpeculatingHook>(speculation_options(config, classes));
  }
  const ModelRequest request = bench.model.request(config.batch, static_cast<uint64_t>(config.seed));
  bench.network = std::make_unique<Network>(make_model(request));
  if (apply_init && !config.init.empty()) {
    const FoundCheckpoint source = find_checkpoint(config.init, "--init");
    bench.notes.insert(bench.notes.end(), source.warnings.begin(), source.warnings.end());
    bench.notes.push_back(initialise_from(source, bench.model, *bench.network));
  }
  bench.network->plan(request.images, parse_kernel_path(config.kernels),
                      parse_precision(config.precision, config.fp8_format));
  // What a processor would compute has sums in FP32.
  const bool offer_half = !classes.change_values();
  choose_kernels(config, bench.kernel_cache, *bench.network, offer_half, bench.notes);
  bench.session = std::make_unique<TrainingSession>(*bench.network,
                                                    training_options(config, bench.steps_per_epoch, bench.total_steps));
  bench.train = training_loader(config, data, bench.model);
  bench.test = evaluation_loader(data.test, bench.model, config.batch);
  return bench;
}

}  // namespace trainer
