#include "network/network_plan.h"

#include <algorithm>

#include "kernels/batchnorm/decoupled.h"

namespace trainer {
namespace {

/// The start of a slot seen as the gradient of `output`; the empty tensor for no slot.
Tensor gradient_of(const Tensor& output, std::vector<Tensor>& slots, int slot) {
  return slot < 0 ? Tensor()
                  : Tensor(output.shape(), {slots[static_cast<size_t>(slot)].elements().data, output.format()});
}

int64_t floats_for(int64_t bytes) {
  constexpr int64_t kFloat = bytes_of(Format::fp32);
  return (bytes + kFloat - 1) / kFloat;
}

}  // namespace

void Network::Plan::place_tensors(const std::vector<Node>& nodes, const MemoryPlan& memory,
                                  const std::vector<Shape>& shapes, const std::vector<Format>& formats) {
  outputs.resize(nodes.size());
  inputs.resize(nodes.size());
  backward.resize(nodes.size());
  for (const int64_t size : memory.slot_sizes) {
    slots.emplace_back(Shape{1, floats_for(size), 1, 1});
    bytes += slots.back().bytes();
  }
  // A chain's ReLU is in the memory of its BN.
  std::vector<uint8_t> is_kept(nodes.size(), 1);
  for (const MappedLoad& load : loads) {
    is_kept[load.first] = is_kept[load.last] = 0;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto owner = static_cast<size_t>(memory.output_memory[i]);
    if (is_kept[i] == 0) {
      outputs[i] = Tensor(shapes[i], {nullptr, formats[i]});
    } else if (owner != i) {
      outputs[i] = outputs[owner].reshaped(shapes[i]);
    } else {
      outputs[i] = Tensor(shapes[i], formats[i]);
      bytes += outputs[i].bytes();
    }
    Backward& back = backward[i];
    back.doutput = gradient_of(outputs[i], slots, memory.backward[i].doutput);
    const size_t count = nodes[i].inputs.size();
    back.targets.resize(count);
    back.add_to.resize(count);
    for (size_t k = 0; k < count; ++k) {
      const int input = nodes[i].inputs[k];
      inputs[i].push_back(input < 0 ? &images : &outputs[static_cast<size_t>(input)]);
      const MemoryPlan::Target& target = memory.backward[i].dinputs[k];
      if (target.slot >= 0) {
        const Tensor& output = outputs[static_cast<size_t>(input)];
        back.targets[k] = gradient_of(output, slots, target.slot);
        back.add_to[k] = gradient_of(output, slots, target.add_to);
      }
      back.dinputs.push_back(target.slot >= 0 ? &back.targets[k] : nullptr);
      back.accumulate.push_back(target.accumulate ? 1 : 0);
    }
  }
}

const MappedLoad* Network::Plan::load_with(size_t MappedLoad::*member, size_t node) const {
  const auto load = std::ranges::find(loads, node, member);
  return load == loads.end() || outputs_changed ? nullptr : &*load;
}

void Network::Plan::place_output(const MappedLoad& load) { outputs[load.last] = backward[load.reader].targets[0]; }

void Network::Plan::make_output(const MappedLoad& load, bool until_backpropagated) {
  if (until_backpropagated) {
    if (shown_output.empty()) {
      int64_t largest = 0;
      for (const MappedLoad& each : loads) {
        largest = std::max(largest, outputs[each.last].bytes());
      }
      shown_output.resize(static_cast<size_t>(floats_for(largest)));
    }
    Tensor& A = outputs[load.last];
    A = Tensor(A.shape(), {reinterpret_cast<std::byte*>(shown_output.data()), A.format()});
  } else {
    place_output(load);
  }
  apply_map(load.batchnorm->output_map(), *inputs[load.first][0], outputs[load.last]);
}

void Network::Plan::keep_outputs() {
  kept_outputs.resize(loads.size());
  for (size_t i = 0; i < loads.size(); ++i) {
    Tensor& output = outputs[loads[i].last];
    if (kept_outputs[i].empty()) {
      kept_outputs[i] = Tensor(output.shape(), output.format());
    }
    output = kept_outputs[i];
  }
}

}  // namespace trainer
