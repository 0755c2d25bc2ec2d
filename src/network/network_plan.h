#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "network/decoupling.h"
#include "network/format_adapter.h"
#include "network/fp32_hook.h"
#include "network/fusion.h"
#include "network/mapped_loads.h"
#include "network/network.h"
#include "network/quantiser.h"
#include "network/quantising_hook.h"
#include "network/rectified_outputs.h"

namespace trainer {

/// What plan() fixed: every tensor of a step and the pointers that the layers are handed, so that steps allocate
/// nothing.
struct Network::Plan {
  struct Backward {
    Tensor doutput;  // empty where no gradient reaches the node
    std::vector<Tensor> targets;
    std::vector<Tensor> add_to;  // empty where the layer did it all
    std::vector<Tensor*> dinputs;
    std::vector<uint8_t> accumulate;
  };
  /// FP8: what is rounded when a node has been done. The rest passes values on, or is rounded before hooks see it.
  struct Rounded {
    bool output = false;
    std::vector<uint8_t> dinputs;
    int source = -1;  ///< the node whose output, as it was rounded, the first input holds; -1: images
  };

  /// Every tensor, where `memory` has it; none for the outputs of `loads`.
  void place_tensors(const std::vector<Node>& nodes, const MemoryPlan& memory, const std::vector<Shape>& shapes,
                     const std::vector<Format>& formats);

  /// The load whose A this node would write, or read; null where there is none, or A is kept in this step.
  const MappedLoad* load_written_by(size_t last) const { return load_with(&MappedLoad::last, last); }
  const MappedLoad* load_read_by(size_t reader) const { return load_with(&MappedLoad::reader, reader); }
  /// Gives A the memory of its gradient, which holds nothing before the reader's BP: in FF, and WG without a hook.
  void place_output(const MappedLoad& load);
  /// The same, or where a hook sees it until BP has been, memory of its own; and makes A there of Z.
  void make_output(const MappedLoad& load, bool until_backpropagated = false);
  /// For a step whose A are changed by a hook: memory for each of them.
  void keep_outputs();

  Shape input_shape;
  KernelPath elementwise = KernelPath::highway;
  Tensor images;                // of the last feedforward
  std::vector<Tensor> outputs;  // one per node
  std::vector<std::vector<const Tensor*>> inputs;
  std::vector<Tensor> slots;
  std::vector<Backward> backward;
  std::vector<RectifiedChain> chains;
  std::vector<RectifiedOutputs> rectified;
  Decoupling decoupling;
  std::vector<MappedLoad> loads;
  std::vector<Tensor> kept_outputs;   // of loads; none until a hook changes outputs
  AlignedVector<float> shown_output;  // of one load, for hooks; none until there is one
  int64_t bytes = 0;                  // of outputs and slots
  std::vector<ForwardStep> steps;
  std::vector<ForwardStep> speculating_steps;  // where the hook changes outputs
  std::shared_ptr<Workspace> workspace = std::make_shared<Workspace>();
  Precision precision;
  Tensor rounded_images;                 // empty in FP32
  std::unique_ptr<Quantiser> quantiser;  // FP8 alone, as the two below
  std::unique_ptr<QuantisingHook> quantising_hook;
  std::vector<Rounded> rounded;
  FormatAdapter adapter;
  std::vector<uint8_t> needs_adapter;  // one per node
  Fp32Hook fp32_hook;
  bool ready_to_backpropagate = false;
  bool outputs_changed = false;  // by the hook of the last feedforward

 private:
  const MappedLoad* load_with(size_t MappedLoad::*member, size_t node) const;
};

/// Of every output: `format`, but FP32 for the logits and what may share their memory.
std::vector<Format> output_formats(const std::vector<Network::Node>& nodes, Format format);

}  // namespace trainer
