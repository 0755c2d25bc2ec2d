// Milliseconds of whole training steps on random images, and where they go: by kind of layer and phase.

#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "choose_like_a_run.h"
#include "layer_bounds.h"
#include "network/named/models.h"
#include "read_options.h"
#include "run_program.h"
#include "training/session.h"

namespace trainer::bench {
namespace {

const std::map<std::string, Passes> kPasses = {{"one-by-one", Passes::one_by_one},
                                               {"fused", Passes::fused},
                                               {"summed", Passes::summed},
                                               {"decoupled", Passes::decoupled}};

struct Request {
  std::string model = "resnet18";
  std::string kernels = "auto";
  std::string precision = "fp32";
  std::string kernel_choice = "measured";
  int64_t batch = 64;
  int64_t image = 32;
  double sparsity = 0.9;
  std::string distribution = "uniform";
  int steps = 5;
  int threads = 0;
  std::string passes = "decoupled";
  bool layers = false;
  bool bounds = false;
};

/// Processor time of all threads: hardly longer when other programs run, too.
double processor_seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Batch random_batch(const Shape& images, int64_t classes) {
  Random random(1);
  Batch batch;
  batch.images = Tensor(images);
  for (float& value : batch.images.values()) {
    value = random.normal();
  }
  for (int64_t i = 0; i < images.n; ++i) {
    batch.labels.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(classes))));
  }
  return batch;
}

TrainingSession make_session(Network& network, const Request& request) {
  TrainingOptions options;
  options.schedule.total_steps = 1000000;
  options.pruning.method = "static";
  options.pruning.sparsity = request.sparsity;
  options.pruning.distribution = request.distribution;
  return {network, options};
}

void print_row(const std::string& name, const NodeTimes& times, double scale) {
  fmt::print("  {:24} {:9.2f} {:9.2f} {:9.2f}\n", name, scale * times.feedforward, scale * times.backpropagation,
             scale * times.weight_gradient);
}

void add(const NodeTimes& times, NodeTimes& sum) {
  sum.feedforward += times.feedforward;
  sum.backpropagation += times.backpropagation;
  sum.weight_gradient += times.weight_gradient;
}

/// `seconds`: of whole steps; what the layers do not account for is the rest.
void print_split(const Network& network, const std::vector<NodeTimes>& times, double seconds, int steps, bool layers) {
  const double scale = 1e3 / steps;
  fmt::print("  ms of a step             {:>9} {:>9} {:>9}\n", "FF", "BP", "WG");
  std::map<std::string, NodeTimes> by_kind;
  NodeTimes all;
  for (size_t i = 0; i < times.size(); ++i) {
    add(times[i], by_kind[std::string(network.nodes()[i].layer->kind())]);
    add(times[i], all);
    if (layers) {
      print_row(network.nodes()[i].name, times[i], scale);
    }
  }
  for (const auto& [kind, sum] : by_kind) {
    print_row(kind, sum, scale);
  }
  print_row("all layers", all, scale);
  fmt::print("  rest (loss, optimiser)   {:9.2f}\n",
             scale * (seconds - all.feedforward - all.backpropagation - all.weight_gradient));
}

void measure(const Request& request) {
  constexpr int64_t kClasses = 10;
  const Shape images = {request.batch, 3, request.image, request.image};
  Network network = make_model({request.model, 1, images, kClasses, 1});
  network.plan(images, parse_kernel_path(request.kernels), parse_precision(request.precision),
               kPasses.at(request.passes));
  choose_like_a_run(request.kernels, request.kernel_choice, network);
  TrainingSession session = make_session(network, request);
  const Batch batch = random_batch(images, kClasses);
  std::vector<double> seconds;
  std::vector<double> processor_seconds;
  std::vector<NodeTimes> times;
  for (int step = -1; step < request.steps; ++step) {  // the first warms up
    network.record_times(step < 0 ? nullptr : &times);
    const double begin = seconds_now();
    const double processor_begin = processor_seconds_now();
    session.step(batch);
    if (step >= 0) {
      seconds.push_back(seconds_now() - begin);
      processor_seconds.push_back(processor_seconds_now() - processor_begin);
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{} batch {} sparsity {} {}: peak memory {:.0f} MB\n", request.model, request.batch, request.sparsity,
             request.precision, static_cast<double>(usage.ru_maxrss) / 1024);
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  std::sort(seconds.begin(), seconds.end());
  fmt::print("fastest {:.1f} ms, median {:.1f} ms a step; {:.1f} images/s at the fastest; processor time {:.1f} ms\n",
             1e3 * seconds.front(), 1e3 * seconds[seconds.size() / 2],
             static_cast<double>(request.batch) / seconds.front(),
             1e3 * *std::min_element(processor_seconds.begin(), processor_seconds.end()));
  print_split(network, times, sum, request.steps, request.layers);
  if (request.bounds) {
    print_layer_bounds(network, session, batch, times, request.steps, measure_machine_peaks());
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Times training steps on random images."};
  Request request;
  app.add_option("--model", request.model, "a named network");
  app.add_option("--kernels", request.kernels, "auto, reference, highway, half or onednn");
  app.add_option("--precision", request.precision, "of stored activations and gradients: fp32 or fp16");
  app.add_option("--kernel-choice", request.kernel_choice, "how auto chooses")
      ->check(CLI::IsMember({"measured", "rule"}));
  app.add_option("--batch", request.batch, "images of a step")->check(CLI::PositiveNumber);
  app.add_option("--image", request.image, "pixels of a side")->check(CLI::PositiveNumber);
  app.add_option("--sparsity", request.sparsity, "pruned part of the weights");
  app.add_option("--distribution", request.distribution, "of the unpruned weights over layers: uniform or erk");
  app.add_option("--steps", request.steps, "steps timed")->check(CLI::PositiveNumber);
  app.add_option("--threads", request.threads, "0: one for each processor")->check(CLI::NonNegativeNumber);
  app.add_flag("--bounds", request.bounds, "what bounds each convolution, next to this machine's measured peaks");
  app.add_option(
         "--passes", request.passes,
         "one-by-one: BN, sum and ReLU each in passes of its own; fused: in one; summed: BN's sums in the convolution "
         "before; decoupled: and the rest in the convolution after, where one alone reads")
      ->check(CLI::IsMember({"one-by-one", "fused", "summed", "decoupled"}));
  app.add_flag("--layers", request.layers, "every layer by itself, too");
  if (!read_options(app, argc, argv)) {
    return 0;
  }
  set_thread_count(request.threads);
  measure(request);
  return 0;
}

}  // namespace
}  // namespace trainer::bench

int main(int argc, char** argv) { return trainer::bench::run_program(trainer::bench::run, argc, argv); }
