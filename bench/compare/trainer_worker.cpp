// Trainer's side of bench/compare_pytorch: training steps of one network, on images and labels from a file.
//
// Reads commands from standard input, one a line, and answers each with one line of JSON on standard output. A command
// is a number of steps; the answer holds the seconds of each and of its phases, the loss of the last and which of them
// changed the mask. Before the first command it warms up and answers {"ready": ...}.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "choose_like_a_run.h"
#include "network/named/models.h"
#include "read_options.h"
#include "run_program.h"
#include "training/session.h"

namespace trainer::bench {
namespace {

struct Options {
  std::string network = "resnet18";
  std::string kernels = "auto";
  std::string precision = "fp32";
  std::string images;
  std::string labels;
  int64_t batch = 64;
  int64_t pixels = 32;
  int64_t classes = 10;
  double sparsity = 0;
  std::string distribution = "uniform";
  int64_t update_interval = 100;
  int threads = 0;
};

template <typename Value>
std::vector<Value> read_values(const std::string& file, int64_t count) {
  std::vector<Value> values(static_cast<size_t>(count));
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(Value));
  std::ifstream input(file, std::ios::binary);
  if (!input.read(reinterpret_cast<char*>(values.data()), bytes) || input.peek() != EOF) {
    throw UsageError(fmt::format("{}: not a file of {} bytes", file, bytes));
  }
  return values;
}

/// The files hold float32 N x C x H x W and int32 N, both row-major and of this machine's byte order.
Batch read_batch(const Options& options) {
  const Shape shape{options.batch, 3, options.pixels, options.pixels};
  const std::vector<float> rows = read_values<float>(options.images, shape.size());
  Batch batch{Tensor(shape), read_values<int32_t>(options.labels, shape.n)};
  size_t next = 0;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t w = 0; w < shape.w; ++w) {
          batch.images.at(n, c, h, w) = rows[next++];
        }
      }
    }
  }
  return batch;
}

TrainingOptions training_options(const Options& options) {
  constexpr int64_t kForEver = 100'000'000;  // steps: the rate and the part of a mask that changes stay as they start
  TrainingOptions training;
  training.optimizer = {.name = "sgd", .momentum = 0.9F, .weight_decay = 5e-4F};
  training.schedule = {.name = "constant", .rate = 0.01F, .total_steps = kForEver};
  training.pruning.method = "set";
  training.pruning.sparsity = options.sparsity;
  training.pruning.distribution = options.distribution;
  training.pruning.update_interval = options.update_interval;
  return training;
}

nlohmann::json run_steps(TrainingSession& session, const Batch& batch, int64_t steps) {
  std::vector<double> seconds;
  std::vector<double> feedforward;
  std::vector<double> backward;
  std::vector<NodeTimes> times;
  std::vector<int> changed;
  double loss = 0;
  for (int64_t i = 0; i < steps; ++i) {
    times.clear();
    session.network().record_times(&times);
    const auto begin = std::chrono::steady_clock::now();
    const StepResult result = session.step(batch);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    NodeTimes sum;
    for (const NodeTimes& node : times) {
      sum.feedforward += node.feedforward;
      sum.backpropagation += node.backpropagation + node.weight_gradient;
    }
    feedforward.push_back(sum.feedforward);
    backward.push_back(sum.backpropagation);
    changed.push_back(result.mask_changed ? 1 : 0);
    loss = result.loss;
  }
  session.network().record_times(nullptr);
  return {{"seconds", seconds}, {"FF", feedforward}, {"BP+WG", backward}, {"mask_changed", changed}, {"loss", loss}};
}

int run(int argc, char** argv) {
  CLI::App app{"Trainer's side of bench/compare_pytorch, which starts it."};
  Options options;
  app.add_option("--network", options.network, "one of trainer's models");
  app.add_option("--kernels", options.kernels, "auto, highway, onednn, reference");
  app.add_option("--precision", options.precision, "of stored activations and gradients: fp32 or fp16");
  app.add_option("--images", options.images, "file of float32 N x 3 x H x W")->required();
  app.add_option("--labels", options.labels, "file of int32 N")->required();
  app.add_option("--batch", options.batch, "")->check(CLI::PositiveNumber);
  app.add_option("--pixels", options.pixels, "height and width")->check(CLI::PositiveNumber);
  app.add_option("--classes", options.classes, "")->check(CLI::PositiveNumber);
  app.add_option("--sparsity", options.sparsity, "of the prunable weights, 0 to below 1");
  app.add_option("--distribution", options.distribution, "of the unpruned weights over layers: uniform or erk");
  app.add_option("--update-interval", options.update_interval, "steps between changes of the mask")
      ->check(CLI::Range(int64_t{2}, int64_t{1'000'000}));
  app.add_option("--threads", options.threads, "0: one for each processor")->check(CLI::NonNegativeNumber);
  if (!read_options(app, argc, argv)) {
    return 0;
  }
  set_thread_count(options.threads);

  const Batch batch = read_batch(options);
  Network network = make_model(
      {.name = options.network, .width = 1, .images = batch.images.shape(), .classes = options.classes, .seed = 1});
  network.plan(batch.images.shape(), parse_kernel_path(options.kernels), parse_precision(options.precision));
  choose_like_a_run(options.kernels, "measured", network);
  TrainingSession session(network, training_options(options));
  // Every kind of step once; after it, the second step of every `update_interval` is the one that changes the mask.
  run_steps(session, batch, 2 * options.update_interval - 2);
  const nlohmann::json ready = {{"ready", true}, {"sparsity", session.weight_sparsity()}, {"threads", thread_count()}};
  std::cout << ready.dump() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << run_steps(session, batch, std::stoll(line)).dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace trainer::bench

int main(int argc, char** argv) { return trainer::bench::run_program(trainer::bench::run, argc, argv); }
