#pragma once

namespace trainer {

/// Seconds that a node's phases have taken so far.
struct NodeTimes {
  double feedforward = 0;
  double backpropagation = 0;
  double weight_gradient = 0;
};

}  // namespace trainer
