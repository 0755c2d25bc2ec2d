#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/convolution/estimating.h"
#include "network/parameter.h"
#include "tensor/tensor.h"

namespace trainer {

/// A convolution or linear layer (a linear layer is a 1x1 convolution of a 1x1 image) as the hook sees it.
struct ContractionLayer {
  int index = 0;  ///< place in the network's order of execution, unique among all its layers
  std::string name;
  bool is_linear = false;
  bool has_bp = true;  ///< false where no gradient of X is needed: the first layer
  ConvolutionGeometry geometry;

  // What stands before and after it in the network.
  bool input_is_rectified = false;    ///< X left a ReLU (ReLU6, max-pooling of either): where X is 0, dX is not wanted
  bool input_from_batchnorm = false;  ///< X is BN's output, rectified or not, and only contractions read it
  bool output_to_batchnorm = false;   ///< Z is read by a BN alone

  SmallestNormals smallest_normals{};  ///< of X and W in this step's FF, rounded as the network's precision has it
};

struct BatchNormLayer {
  int index = 0;
  std::string name;
  Shape shape;
  /// Its output, rectified or not, is read by contractions alone: so many of them. 0 where anything else reads it (a
  /// sum, a pooling), which needs it in memory.
  int applied_on_load = 0;
  bool input_from_contraction = true;  ///< Z is what a contraction alone wrote, and BN alone reads it
  /// Whether the contraction before it has a BP: then its dZ is loaded twice (BP, WG), otherwise once.
  bool contraction_has_bp = true;
};

/// Outputs of one layer's FF that are not computed because a ReLU is predicted to discard them.
struct SkippedOutputs {
  /// One bit for each value of Z that is set where the output is skipped. Channel c takes `words_per_channel` words; in
  /// them bit (p*Q + q)*N + n, from the lowest bit of the first word up. Bits past the last are 0.
  std::span<const uint64_t> bits;
  int64_t words_per_channel = 0;
  int64_t audited = 0;          ///< outputs predicted to be discarded and computed all the same
  bool reads_shortcut = false;  ///< the prediction needs the tensor that is added after BN
};

/// What stands between a convolution and a ReLU that may discard its outputs:
/// A = max(gamma * (Z - mean) / sqrt(variance + epsilon) + beta + shortcut, 0), or that cut at a ceiling; mean and
/// variance are the batch's.
struct Rectification {
  std::span<const float> gamma;  ///< one per output channel
  std::span<const float> beta;
  float epsilon = 0;
  const Tensor* shortcut = nullptr;  ///< of Z's shape; null where nothing is added
};

/// What a processor model sees of a training step, and where it takes part in it.
///
/// The network calls these on the training thread, in the order in which the processor would do the work. Tensors
/// passed as non-const may be changed: what the hook leaves there is what training goes on with, so a processor that
/// skips outputs or drops gradients really trains with what it would have computed.
class StepHook {
 public:
  virtual ~StepHook() = default;

  virtual void begin_step(int64_t /*step*/) {}

  /// Whether feedforward() may change Z: BN then takes its moments of what is left there, BP takes ReLU's mask from A,
  /// and rectification() and rectified() are called. Asked once a step.
  virtual bool changes_outputs() const { return false; }
  /// In training, right before feedforward() of a convolution whose Z is read by BN -> (sum) -> ReLU alone. Valid until
  /// that returns; `after` itself only during the call.
  virtual void rectification(const ContractionLayer& /*layer*/, const Rectification& /*after*/) {}
  /// Right before FF of any contraction: where to leave the estimate of Z that signs and exponents of X and W give
  /// (kernels/convolution/estimating.h), FP32 and of Z's shape; it is there when feedforward() is called. Null: not
  /// wanted.
  virtual Tensor* estimate(const ContractionLayer& /*layer*/) { return nullptr; }
  /// That ReLU is done. A may be changed: what is 0 there is off in BP too.
  virtual void rectified(const ContractionLayer& /*layer*/, Tensor& /*A*/) {}

  /// Right before feedforward() of the same layer, where speculation took part: `skipped` is valid until that returns.
  virtual void outputs_skipped(const ContractionLayer& /*layer*/, const SkippedOutputs& /*skipped*/) {}
  /// FF done: Z = X * W, before a bias is added. Z may be changed (outputs that speculation skipped).
  virtual void feedforward(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                           Tensor& /*Z*/) {}
  /// Right before gradient() of the same layer, where training pruned small values of its dZ in this step.
  virtual void gradient_dropped(const ContractionLayer& /*layer*/) {}
  /// dZ is complete, BP and WG have not used it yet. dZ may be changed (operands that are dropped).
  virtual void gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                        Tensor& /*dZ*/) {}
  /// BP done for this layer. Not called where has_bp is false. dX may be changed, and may already hold the sum with
  /// another branch's gradient.
  virtual void backpropagation(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                               const Tensor& /*dZ*/, Tensor& /*dX*/) {}
  /// WG done for this layer; dW in the pattern's order.
  virtual void weight_gradient(const ContractionLayer& /*layer*/, const Tensor& /*X*/, const WeightView& /*W*/,
                               const Tensor& /*dZ*/, std::span<float> /*dW*/) {}

  /// BN done. Y itself is not shown: with a ReLU after it, it is never stored.
  virtual void batchnorm_feedforward(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/) {}
  /// Not called where no gradient of Z is needed. dZ may be changed.
  virtual void batchnorm_backpropagation(const BatchNormLayer& /*layer*/, const Tensor& /*Z*/, Tensor& /*dZ*/) {}

  /// UP done: weights updated (not yet pruned).
  virtual void update(std::span<Parameter* const> /*parameters*/) {}
  virtual void end_step() {}
};

}  // namespace trainer
