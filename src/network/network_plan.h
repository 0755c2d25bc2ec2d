#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "network/decoupling.h"
#include "network/format_adapter.h"
#include "network/fp32_hook.h"
#include "network/fusion.h"
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

  bool all_inputs_are(size_t node, Format wanted) const {
    return std::ranges::all_of(inputs[node], [wanted](const Tensor* input) { return input->format() == wanted; });
  }

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
};

/// Of every output: `format`, but FP32 for the logits and what may share their memory.
std::vector<Format> output_formats(const std::vector<Network::Node>& nodes, Format format);

}  // namespace trainer
