#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/path.h"
#include "network/parameter.h"
#include "network/step_hook.h"
#include "tensor/tensor.h"

namespace trainer {

/// What BP of a layer reads and writes. Spans have one entry per input of the layer.
struct BackwardView {
  std::span<const Tensor* const> inputs;
  const Tensor& output;
  Tensor& doutput;                   ///< the layer may overwrite it (in-place BP)
  std::span<Tensor* const> dinputs;  ///< null where that gradient is not needed
  /// Non-zero: add to dinputs[i] (another consumer wrote first); zero: overwrite it.
  std::span<const uint8_t> accumulate;
};

/// One node of a network: FF, BP and WG as separate steps.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The operator's name in messages and lists, such as "convolution".
  virtual std::string_view kind() const = 0;
  /// Output shape for these inputs. Throws UsageError (shapes that do not fit; the message names both).
  virtual Shape output_shape(std::span<const Shape> inputs) const = 0;
  /// Called once per batch size before the first step: prepares kernels for these shapes.
  virtual void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) = 0;

  virtual void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) = 0;
  virtual void backpropagate(const BackwardView& view, StepHook* hook) = 0;
  /// WG: fills the gradients of the layer's parameters. Called before backpropagate.
  virtual void weight_gradient(std::span<const Tensor* const> /*inputs*/, Tensor& /*doutput*/, StepHook* /*hook*/) {}

  virtual std::vector<Parameter*> parameters() { return {}; }
  virtual std::vector<Buffer*> buffers() { return {}; }
};

}  // namespace trainer
