#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/path.h"
#include "kernels/workspace.h"
#include "network/parameter.h"
#include "network/step_hook.h"
#include "tensor/tensor.h"

namespace trainer {

namespace layers {
class Contraction;
}

/// What BP of a layer reads and writes. Spans have one entry per input of the layer.
struct BackwardView {
  std::span<const Tensor* const> inputs;
  const Tensor& output;
  Tensor& doutput;                   ///< the layer may overwrite it (in-place BP)
  std::span<Tensor* const> dinputs;  ///< null where that gradient is not needed
  /// Non-zero: add to dinputs[i] (another consumer wrote first); zero: overwrite it. Non-zero only for layers whose
  /// memory() says that they accumulate: for others the network adds.
  std::span<const uint8_t> accumulate;
};

/// What a layer does with the memory of its activations and gradients: what the network may share.
struct LayerMemory {
  /// FF may find its output to be the memory of one of its inputs, and BP one of its dinputs to be that of doutput.
  /// Such a layer's BP reads no inputs; with several inputs it passes doutput on as it is, so that all its dinputs may
  /// be that memory.
  bool in_place = false;
  bool reads_output = false;   ///< BP reads the output: no later layer may write over it
  bool keeps_doutput = false;  ///< WG and BP leave doutput as they found it
  bool accumulates = false;    ///< BP can add to what dinputs hold
};

/// Formats of the tensors that a layer's FF, BP and WG take.
enum class LayerFormats {
  fp32,     ///< FP32 alone: for others the network makes copies
  uniform,  ///< any, the same for all of them
  mixed,    ///< any, each its own
};

/// Whether a layer makes values that none of its inputs (in BP: its doutput) has, so that they are to be rounded.
struct NewValues {
  bool output = true;
  bool dinputs = true;
};

/// One node of a network: FF, BP and WG as separate steps.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The operator's name in messages and lists, such as "convolution".
  virtual std::string_view kind() const = 0;
  /// Output shape for these inputs. Throws UsageError (shapes that do not fit; the message names both).
  virtual Shape output_shape(std::span<const Shape> inputs) const = 0;
  virtual LayerMemory memory() const { return {}; }
  virtual NewValues new_values() const { return {}; }
  /// Called before plan(): the inputs (one entry each, non-zero = yes) whose gradient BP will be asked for.
  virtual void need_input_gradients(std::span<const uint8_t> /*needed*/) {}
  /// Called before plan(): memory that this layer's kernels share with those of all other layers of the network.
  virtual void use_workspace(const std::shared_ptr<Workspace>& /*workspace*/) {}
  /// Valid after plan().
  virtual LayerFormats formats() const { return LayerFormats::fp32; }
  /// Called once per batch size before the first step: prepares kernels for these shapes.
  virtual void plan(int index, const std::string& name, std::span<const Shape> inputs, KernelPath path) = 0;

  virtual void feedforward(std::span<const Tensor* const> inputs, Tensor& output, bool training, StepHook* hook) = 0;
  virtual void backpropagate(const BackwardView& view, StepHook* hook) = 0;
  /// WG: fills the gradients of the layer's parameters. Called before backpropagate.
  virtual void weight_gradient(std::span<const Tensor* const> /*inputs*/, Tensor& /*doutput*/, StepHook* /*hook*/) {}

  virtual std::vector<Parameter*> parameters() { return {}; }
  virtual std::vector<Buffer*> buffers() { return {}; }
  /// What a convolution or linear layer is made of; null for other layers.
  virtual layers::Contraction* contraction() { return nullptr; }

  /// The next weight_gradient() also keeps the gradient of pruned weights (see Network::request_dense_gradient). Both
  /// throw std::logic_error for a layer without a weight; dense_gradient() also when it was not asked for.
  virtual void request_dense_gradient();
  virtual std::span<const float> dense_gradient() const;
};

}  // namespace trainer
