#pragma once

#include <memory>
#include <string>
#include <vector>

#include "network/layer.h"
#include "network/node_times.h"
#include "network/precision.h"

namespace trainer {

struct ForwardStep;
struct MappedLoad;
class Quantiser;
struct RectifiedChain;

/// What is done of BN's work where.
enum class Passes {
  one_by_one,  ///< by one layer after the other
  fused,       ///< BN with the sum and the ReLU after it in one pass: in FP32 the same bits
  summed,      ///< and BN's sums while the convolution before it writes its output: other roundings of the moments
  decoupled,   ///< and the rest as the convolution after it reads, where one alone does: the same bits, less memory
};

/// A directed acyclic graph of layers with one input (the images) and one output (the logits).
///
/// Nodes are added in order of execution. plan() fixes the batch size, allocates every activation and gradient
/// (gradients share memory where their lives do not overlap) and prepares kernels; after it, a step allocates nothing.
class Network {
 public:
  static constexpr int kInput = -1;  ///< names the images as an input of add()

  Network();
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// Returns the node's number, to be used as an input of later nodes. The last node added is the output. The layer's
  /// parameters and buffers get `name` and a point put before their names. Throws UsageError for a name that is taken,
  /// std::logic_error for an input that does not exist.
  int add(std::string name, std::unique_ptr<Layer> layer, std::vector<int> inputs);

  /// Throws UsageError naming the layer whose shapes do not fit, or whose output nothing uses. May be called again, for
  /// another batch size or path; parameters keep their values, and FP8 scales what they follow from. Activations and
  /// their gradients are stored in the format of `precision`, rounded once where a layer (or a pass over several)
  /// leaves them; so are the images, the weights that FF and BP multiply with, and the gradient of the logits. The
  /// logits are FP32.
  void plan(const Shape& images, KernelPath path, const Precision& precision = {}, Passes passes = Passes::decoupled);

  /// FF. In training, BN uses and records batch statistics and everything is kept for backpropagate.
  /// `hook` may be null. Returns the logits, N x classes x 1 x 1, which stay valid until the next
  /// feedforward. `images` must stay as they are until backpropagate. Throws UsageError for images of another shape
  /// than planned.
  const Tensor& feedforward(const Tensor& images, bool training, StepHook* hook = nullptr);
  /// BP and WG of the last feedforward(training = true): fills every parameter's gradient. Throws std::logic_error when
  /// the last feedforward was not in training.
  void backpropagate(const Tensor& dlogits, StepHook* hook = nullptr);

  /// In order of execution. The shapes need a plan (std::logic_error otherwise).
  std::vector<Parameter*> parameters();
  std::vector<Buffer*> buffers();
  const Shape& input_shape() const;
  const Shape& output_shape() const;
  /// Of the activations and gradients that plan() allocated. More is allocated later where a hook is to see activations
  /// that are not kept (one of them at a time), or changes outputs (all of them).
  int64_t planned_bytes() const;
  /// Of stored activations and gradients.
  Format format() const;
  const Precision& precision() const;

  /// Ends a step of training, for the scales of FP8: what this step's tensors reached counts for coming steps' scales,
  /// unless its gradients `overflowed`.
  void step_done(bool overflowed);
  /// The state that FP8 scales follow from; null in other precisions. For checkpoints.
  Quantiser* quantiser();

  /// The next backpropagate() shall also keep the gradient of ALL weights of `weight`, pruned ones too (RigL grows
  /// where it is largest). One step only: ask again for the next.
  void request_dense_gradient(const Parameter& weight);
  /// What the last backpropagate() kept: a dense K*(C/groups)*R*S array. Throws std::logic_error if it was not asked.
  std::span<const float> dense_gradient(const Parameter& weight) const;

  /// Masks are about to change: frees what was derived from them, which may take more memory than the weights. The next
  /// step derives what it needs.
  void release_patterns();

  /// From now on adds what the phases of every node take to `times`, which gets one entry per node and must outlive the
  /// network or the next call; null stops that. What is done for several nodes in one pass counts for the first of
  /// them.
  void record_times(std::vector<NodeTimes>* times);

  struct Node {
    std::string name;
    std::unique_ptr<Layer> layer;
    std::vector<int> inputs;
  };
  const std::vector<Node>& nodes() const;

 private:
  struct Plan;
  const Plan& planned() const;
  /// What a hook is called through: itself, one that shows it FP32 copies, or one that rounds first.
  StepHook* shown(StepHook* hook, bool training);
  void make_quantiser();
  /// The images as operands of the first layer.
  const Tensor& rounded(const Tensor& images, bool training);
  /// What is left to do after FF, or BP, of a node: BP adds what the layer could not add itself.
  void finish_output(size_t node, bool training);
  void finish_gradients(size_t node);
  /// FP8: tells a contraction what its X has been rounded to.
  void announce_input_format(size_t node);
  /// Tells a hook that changes outputs of the ReLU that follows convolution `node`, before it runs; and of that ReLU's
  /// output, once `node` has made it.
  void announce_rectification(size_t node, StepHook& hook);
  void show_rectified(size_t node, StepHook& hook);
  /// FF of a convolution that also does what it can of the work of the BNs around it. `load`: null where X is kept.
  void feedforward_decoupled(size_t node, const MappedLoad* load, bool training, StepHook* hook);
  void feedforward_chain(const ForwardStep& step, bool training, StepHook* hook);
  void weight_gradient(size_t node, StepHook* hook);
  void backpropagate_chain(const RectifiedChain& chain, StepHook* hook);
  Layer& owner_of(const Parameter& weight) const;

  std::unique_ptr<Plan> plan_;
  std::vector<Node> nodes_;
  std::vector<NodeTimes>* times_ = nullptr;
};

}  // namespace trainer
