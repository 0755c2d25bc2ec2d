#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"
#include "data/loader.h"
#include "network/named/models.h"
#include "training/session.h"

namespace trainer::testing_helpers {

/// Runs each test on one thread: these networks are so small that more would only wait for each other.
class OneThread : public testing::Test {
 protected:
  OneThread() : threads_(thread_count()) { set_thread_count(1); }
  ~OneThread() override { set_thread_count(threads_); }

 private:
  int threads_;
};

/// ResNet-20 with 4, 8 and 16 channels for 8 images of 3x8x8 in 5 classes, planned.
inline Network small_network(uint64_t seed, KernelPath path = KernelPath::reference, const Precision& precision = {}) {
  ModelRequest request;
  request.name = "resnet20";
  request.width = 0.25;
  request.images = {8, 3, 8, 8};
  request.classes = 5;
  request.seed = seed;
  Network network = make_model(request);
  network.plan(request.images, path, precision);
  return network;
}

/// The batch of step `number`: classes that can be told apart by the mean of a channel.
inline Batch small_batch(int64_t number) {
  Random random(99, static_cast<uint64_t>(number));
  Batch batch;
  batch.images = Tensor({8, 3, 8, 8});
  for (int64_t n = 0; n < 8; ++n) {
    const auto label = static_cast<int32_t>(random.below(5));
    batch.labels.push_back(label);
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t h = 0; h < 8; ++h) {
        for (int64_t w = 0; w < 8; ++w) {
          batch.images.at(n, c, h, w) = random.normal() + (label % 3 == c ? static_cast<float>(label) - 1.5F : 0.0F);
        }
      }
    }
  }
  return batch;
}

/// A run of `steps` steps at 80% sparsity whose mask may change at every second one until 3/4 of it.
inline TrainingOptions small_run(const std::string& method, int64_t steps, const std::string& optimizer = "sgd") {
  TrainingOptions options;
  options.optimizer.name = optimizer;
  options.schedule.rate = optimizer == "sgd" ? 0.05F : 0.005F;
  options.schedule.total_steps = steps;
  options.pruning.method = method;
  options.pruning.sparsity = 0.8;
  options.pruning.update_interval = 2;
  return options;
}

/// Everything that the next step depends on, to be compared bit for bit.
struct Snapshot {
  int64_t steps = 0;
  int64_t optimizer_steps = 0;
  std::vector<std::vector<uint8_t>> masks;
  std::map<std::string, std::vector<float>> arrays;

  bool operator==(const Snapshot&) const = default;
};

inline Snapshot snapshot(TrainingSession& session) {
  Snapshot result;
  result.steps = session.steps_done();
  result.optimizer_steps = session.optimizer().steps();
  for (const Parameter* parameter : session.network().parameters()) {
    result.masks.push_back(parameter->pattern->mask());
    result.arrays[parameter->name] = {parameter->value.begin(), parameter->value.end()};
  }
  for (const Buffer* buffer : session.network().buffers()) {
    result.arrays[buffer->name] = {buffer->value.begin(), buffer->value.end()};
  }
  for (const auto& array : session.optimizer().state()) {
    result.arrays["optimizer/" + array.name] = {array.values.begin(), array.values.end()};
  }
  return result;
}

inline void train(TrainingSession& session, int64_t steps) {
  while (session.steps_done() < steps) {
    session.step(small_batch(session.steps_done()));
  }
}

}  // namespace trainer::testing_helpers
