// What speculation of FF outputs takes of a training step (random images), or what it does in a run on real images.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "choose_like_a_run.h"
#include "data/dataset.h"
#include "network/named/models.h"
#include "run_program.h"
#include "speculation/feedforward.h"
#include "training/session.h"

namespace trainer::bench {
namespace {

struct Request {
  std::string model = "resnet18";
  std::string data;
  std::string kernels = "auto";
  std::string precision = "fp32";
  double width = 1;
  int64_t batch = 64;
  double sparsity = 0.9;
  int steps = 5;
  int64_t limit = 0;
  int threads = 0;
  bool off = false;
  bool layers = false;
  FeedforwardOptions speculation;
};

/// Speculation alone: no processor.
class FeedforwardHook final : public StepHook {
 public:
  explicit FeedforwardHook(const FeedforwardOptions& options) : speculation_(options) {}

  FeedforwardSpeculation& speculation() { return speculation_; }
  const std::map<int, std::string>& names() const { return names_; }

  void begin_step(int64_t step) override { speculation_.begin_step(step); }
  bool changes_outputs() const override { return true; }
  void rectification(const ContractionLayer& layer, const Rectification& after) override {
    names_.try_emplace(layer.index, layer.name);
    announced_ = layer.index;
    after_ = after;
  }
  Tensor* estimate(const ContractionLayer& layer) override {
    return layer.index == announced_ ? &speculation_.estimate(layer) : nullptr;
  }
  void feedforward(const ContractionLayer& layer, const Tensor& /*X*/, const WeightView& /*W*/, Tensor& Z) override {
    if (layer.index == announced_) {
      speculation_.feedforward(layer, after_, Z);
    }
  }
  void rectified(const ContractionLayer& layer, Tensor& A) override { speculation_.rectified(layer, A); }

 private:
  FeedforwardSpeculation speculation_;
  std::map<int, std::string> names_;
  int announced_ = -1;
  Rectification after_;
};

double processor_seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TrainingSession make_session(Network& network, const Request& request, int64_t steps) {
  TrainingOptions options;
  options.schedule.total_steps = steps;
  options.pruning.method = request.data.empty() ? "static" : "set";
  options.pruning.sparsity = request.sparsity;
  options.pruning.distribution = "uniform";
  return {network, options};
}

/// Steps with and without, in turn, on one network: processor time of each.
void measure_time(const Request& request) {
  const Shape images = {request.batch, 3, 32, 32};
  Network network = make_model({request.model, request.width, images, 10, 1});
  network.plan(images, parse_kernel_path(request.kernels), parse_precision(request.precision));
  choose_like_a_run(request.kernels, "rule", network);
  TrainingSession session = make_session(network, request, 1000000);
  FeedforwardHook hook(request.speculation);
  Random random(1);
  Batch batch;
  batch.images = Tensor(images);
  for (float& value : batch.images.values()) {
    value = random.normal();
  }
  for (int64_t i = 0; i < images.n; ++i) {
    batch.labels.push_back(static_cast<int32_t>(random.below(10)));
  }
  std::vector<double> with;
  std::vector<double> without;
  for (int step = -2; step < request.steps; ++step) {
    for (const bool speculate : {true, false}) {
      const double begin = processor_seconds_now();
      session.step(batch, speculate ? &hook : nullptr);
      if (step >= 0) {
        (speculate ? with : without).push_back(processor_seconds_now() - begin);
      }
    }
  }
  const auto median = [](std::vector<double>& times) {
    std::ranges::sort(times);
    return times[times.size() / 2];
  };
  const double off = median(without);
  const double on = median(with);
  fmt::print("{} batch {}: processor time {:.1f} ms a step, with speculation of FF {:.1f} ms, {:+.1f} %\n",
             request.model, request.batch, 1e3 * off, 1e3 * on, 100 * (on / off - 1));
  fmt::print("fastest: {:.1f} and {:.1f} ms, {:+.1f} %\n", 1e3 * without.front(), 1e3 * with.front(),
             100 * (with.front() / without.front() - 1));
}

void print_counts(const std::string& what, const FeedforwardCounts& counts) {
  fmt::print("{:28} skipped {:5.1f} %  dead {:5.1f} %  false skips {:6.3f} %  precision {:.4f}  recall {:.3f}\n", what,
             100 * counts.skipped_share(),
             100 * static_cast<double>(counts.dead()) / static_cast<double>(std::max<int64_t>(counts.outputs, 1)),
             100 * counts.false_skip_rate(), counts.precision(), counts.recall());
}

void train(const Request& request) {
  const DataSplit data = open_dataset(request.data);
  LoaderOptions options;
  options.batch = request.batch;
  options.height = data.height;
  options.width = data.width;
  options.mean = data.mean;
  options.deviation = data.deviation;
  Loader test(data.test, options);
  options.shuffle = true;
  options.drop_last = true;
  options.augment = true;
  Loader loader(data.train, options);
  const Shape images = {request.batch, static_cast<int64_t>(data.mean.size()), data.height, data.width};
  Network network = make_model({request.model, request.width, images, 10, 1});
  network.plan(images, parse_kernel_path(request.kernels), parse_precision(request.precision));
  choose_like_a_run(request.kernels, "rule", network);
  const int64_t steps = request.limit > 0 ? request.limit : loader.batches_per_epoch();
  TrainingSession session = make_session(network, request, steps);
  FeedforwardHook hook(request.speculation);
  FeedforwardCounts period;
  std::map<int, FeedforwardCounts> of_layer;
  for (int64_t step = 0; step < steps; ++step) {
    session.step(loader.next(), request.off ? nullptr : &hook);
    for (const auto& [layer, counts] : hook.speculation().counts()) {
      of_layer[layer] += counts;
      period += counts;
    }
    if ((step + 1) % 100 == 0 || step + 1 == steps) {
      print_counts(fmt::format("steps {}..{}", step / 100 * 100, step), period);
      period = {};
      if (request.layers) {
        for (const auto& [layer, counts] : of_layer) {
          print_counts(fmt::format("  {} {:.3f}", hook.names().at(layer), hook.speculation().margin(layer)), counts);
        }
        of_layer.clear();
      }
    }
  }
  const Evaluation result = evaluate(network, test, {});
  fmt::print("accuracy {:.2f} %, loss {:.4f}\n", 100 * result.accuracy, result.loss);
}

int run(int argc, char** argv) {
  CLI::App app{"Times speculation of FF outputs, or trains with it."};
  Request request;
  app.add_option("--model", request.model, "a named network");
  app.add_option("--data", request.data, "train on this data set; without it, steps are timed");
  app.add_option("--kernels", request.kernels, "auto, reference, highway or onednn");
  app.add_option("--precision", request.precision, "fp32, fp16 or fp8");
  app.add_option("--width", request.width, "multiplies channels");
  app.add_option("--batch", request.batch, "images of a step")->check(CLI::PositiveNumber);
  app.add_option("--sparsity", request.sparsity, "pruned part of the weights");
  app.add_option("--steps", request.steps, "steps timed, each with and without")->check(CLI::PositiveNumber);
  app.add_option("--limit", request.limit, "steps trained; 0: one epoch")->check(CLI::NonNegativeNumber);
  app.add_option("--threads", request.threads, "0: one for each processor")->check(CLI::NonNegativeNumber);
  app.add_option("--target", request.speculation.false_skip_target, "of the false-skip rate");
  app.add_option("--decay", request.speculation.decay, "of the estimate's moments");
  app.add_option("--margin", request.speculation.margin, "at first");
  app.add_flag("--off", request.off, "train without speculation");
  app.add_flag("--layers", request.layers, "every layer by itself, with its margin");
  CLI11_PARSE(app, argc, argv);
  set_thread_count(request.threads);
  if (request.data.empty()) {
    measure_time(request);
  } else {
    train(request);
  }
  return 0;
}

}  // namespace
}  // namespace trainer::bench

int main(int argc, char** argv) { return trainer::bench::run_program(trainer::bench::run, argc, argv); }
