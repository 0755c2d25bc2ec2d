#pragma once

#include <vector>

#include "network/network.h"
#include "network/support.h"

namespace trainer::test {

/// What FF and BP of one batch leave.
struct Outcome {
  std::vector<float> logits;
  std::vector<float> gradients;
  std::vector<float> statistics;

  bool operator==(const Outcome&) const = default;
};

/// FF and BP in training, always of the same images and gradient of the logits.
inline Outcome run(Network& network, StepHook* hook = nullptr) {
  Outcome outcome;
  const Tensor& logits = network.feedforward(random_tensor(network.input_shape(), 2), true, hook);
  outcome.logits.assign(logits.values().begin(), logits.values().end());
  network.backpropagate(random_tensor(network.output_shape(), 3), hook);
  for (const Parameter* parameter : network.parameters()) {
    outcome.gradients.insert(outcome.gradients.end(), parameter->gradient.begin(), parameter->gradient.end());
  }
  for (const Buffer* buffer : network.buffers()) {
    outcome.statistics.insert(outcome.statistics.end(), buffer->value.begin(), buffer->value.end());
  }
  network.step_done(false);
  return outcome;
}

}  // namespace trainer::test
