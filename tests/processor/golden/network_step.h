#pragma once

#include <string>
#include <vector>

#include "network/network.h"
#include "processor/golden/machine.h"

namespace trainer::golden_test {

/// FP32: of results that are not rounded.
inline constexpr golden::NumberFormat kSum{-126, 23, 3.40282347e+38F, false, 0};

/// A small network in training on this machine's CPU, at 90% sparsity.
struct TrainingRun {
  std::string model;
  double width = 1;
  Shape images;
  KernelPath path = KernelPath::reference;
  Precision precision;
  bool speculates = false;  ///< on FF and on gradients

  std::string text() const;
};

/// A convolution or linear layer in one step, as the engine computed it: arrays in the golden model's order.
struct LayerStep {
  ContractionLayer layer;
  golden::Layer operands;   ///< with the formats of this step
  std::vector<float> Z;     ///< as it is stored; before the bias where there is one
  std::vector<float> Zhat;  ///< the estimate of Z, not rounded; empty where no output was skipped
  std::vector<float> dX;    ///< empty without BP
  std::vector<float> dW;    ///< of all weights, 0 where pruned
  /// What other readers of X had put into dX before this layer's BP added to it; zeros where it was the first.
  std::vector<float> dX_before;
};

/// Trains for some steps and records the layers of the last one, in order of execution. Throws std::logic_error where
/// a gradient of it overflowed.
std::vector<LayerStep> record_step(const TrainingRun& run);

}  // namespace trainer::golden_test
