#include "network/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "kernels/elementwise/round_values.h"
#include "network/layers/contraction.h"
#include "network/layers/kernel_choice.h"
#include "network/memory_plan.h"
#include "network/network_plan.h"
#include "network/surroundings.h"

namespace trainer {

Network::Network() = default;
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

int Network::add(std::string name, std::unique_ptr<Layer> layer, std::vector<int> inputs) {
  const int index = static_cast<int>(nodes_.size());
  for (const int input : inputs) {
    if (input < kInput || input >= index) {
      throw std::logic_error(fmt::format("layer {} names node {} as its input, which comes no earlier", name, input));
    }
  }
  if (std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.name == name; })) {
    throw UsageError(fmt::format("two layers are named {}: give each its own name", name));
  }
  for (Parameter* parameter : layer->parameters()) {
    parameter->name = name + "." + parameter->name;
  }
  for (Buffer* buffer : layer->buffers()) {
    buffer->name = name + "." + buffer->name;
  }
  plan_.reset();
  nodes_.push_back({std::move(name), std::move(layer), std::move(inputs)});
  return index;
}

namespace {

void require_consumers(const std::vector<Network::Node>& nodes) {
  if (nodes.empty()) {
    throw UsageError("the network has no layers");
  }
  std::vector<uint8_t> used(nodes.size(), 0);
  for (const Network::Node& node : nodes) {
    for (const int input : node.inputs) {
      if (input >= 0) {
        used[static_cast<size_t>(input)] = 1;
      }
    }
  }
  for (size_t i = 0; i + 1 < nodes.size(); ++i) {
    if (used[i] == 0) {
      throw UsageError(fmt::format("layer {}: no later layer uses its output; leave it out", nodes[i].name));
    }
  }
}

template <typename Action>
auto naming_layer(const std::string& name, Action action) {
  try {
    return action();
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("layer {}: {}", name, error.what()));
  }
}

std::vector<Shape> input_shapes(const Network::Node& node, const Shape& images, const std::vector<Shape>& outputs) {
  std::vector<Shape> shapes;
  for (const int input : node.inputs) {
    shapes.push_back(input < 0 ? images : outputs[static_cast<size_t>(input)]);
  }
  return shapes;
}

/// Adds the time until its end to one of a node's times.
class Stopwatch {
 public:
  Stopwatch(std::vector<NodeTimes>* times, size_t node, double NodeTimes::*phase)
      : total_(times == nullptr ? nullptr : &((*times)[node].*phase)) {
    if (total_ != nullptr) {
      begin_ = std::chrono::steady_clock::now();
    }
  }
  ~Stopwatch() {
    if (total_ != nullptr) {
      *total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double* total_;
  std::chrono::steady_clock::time_point begin_;
};

/// The start of a slot seen as the gradient of `output`; the empty tensor for no slot.
Tensor gradient_of(const Tensor& output, std::vector<Tensor>& slots, int slot) {
  return slot < 0 ? Tensor()
                  : Tensor(output.shape(), {slots[static_cast<size_t>(slot)].elements().data, output.format()});
}

}  // namespace

void Network::plan(const Shape& images, KernelPath path, const Precision& precision, Passes passes) {
  require_consumers(nodes_);
  if (images.n < 1 || images.c < 1 || images.h < 1 || images.w < 1) {
    throw UsageError(fmt::format("images of {} hold nothing", to_string(images)));
  }
  const std::unique_ptr<Quantiser> earlier = plan_ ? std::move(plan_->quantiser) : nullptr;
  plan_.reset();  // frees what an earlier plan holds before this one allocates

  const std::vector<Format> formats = output_formats(nodes_, precision.storage());
  std::vector<Shape> shapes;
  std::vector<MemoryNode> memory_nodes;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const std::vector<Shape> inputs = input_shapes(node, images, shapes);
    shapes.push_back(naming_layer(node.name, [&] { return node.layer->output_shape(inputs); }));
    memory_nodes.push_back({node.inputs, shapes.back().size() * bytes_of(formats[i]), node.layer->memory(),
                            !node.layer->parameters().empty()});
  }
  const MemoryPlan memory = plan_memory(memory_nodes);

  auto next = std::make_unique<Plan>();
  next->input_shape = images;
  next->elementwise = operation_path(path);
  next->outputs.resize(nodes_.size());
  next->inputs.resize(nodes_.size());
  next->backward.resize(nodes_.size());
  next->precision = precision;
  if (precision.kind != Precision::Kind::fp32) {
    next->rounded_images = Tensor(images);
  }
  constexpr int64_t kFloat = bytes_of(Format::fp32);
  for (const int64_t bytes : memory.slot_sizes) {
    next->slots.emplace_back(Shape{1, (bytes + kFloat - 1) / kFloat, 1, 1});
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const auto owner = static_cast<size_t>(memory.output_memory[i]);
    next->outputs[i] = owner == i ? Tensor(shapes[i], formats[i]) : next->outputs[owner].reshaped(shapes[i]);

    Plan::Backward& backward = next->backward[i];
    backward.doutput = gradient_of(next->outputs[i], next->slots, memory.backward[i].doutput);
    const size_t inputs = node.inputs.size();
    backward.targets.resize(inputs);
    backward.add_to.resize(inputs);
    std::vector<uint8_t> needed;
    for (size_t k = 0; k < inputs; ++k) {
      const int input = node.inputs[k];
      next->inputs[i].push_back(input < 0 ? &next->images : &next->outputs[static_cast<size_t>(input)]);
      const MemoryPlan::Target& target = memory.backward[i].dinputs[k];
      needed.push_back(target.slot >= 0 ? 1 : 0);
      if (target.slot >= 0) {
        const Tensor& output = next->outputs[static_cast<size_t>(input)];
        backward.targets[k] = gradient_of(output, next->slots, target.slot);
        backward.add_to[k] = gradient_of(output, next->slots, target.add_to);
      }
      backward.dinputs.push_back(target.slot >= 0 ? &backward.targets[k] : nullptr);
      backward.accumulate.push_back(target.accumulate ? 1 : 0);
    }
    node.layer->need_input_gradients(needed);
    node.layer->use_workspace(next->workspace);
    if (layers::Contraction* contraction = node.layer->contraction(); contraction != nullptr) {
      contraction->use_precision(precision);
    }
    naming_layer(node.name,
                 [&] { node.layer->plan(static_cast<int>(i), node.name, input_shapes(node, images, shapes), path); });
  }
  describe_surroundings(nodes_);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const LayerFormats taken = nodes_[i].layer->formats();
    const bool all_fp32 = next->all_inputs_are(i, Format::fp32) && formats[i] == Format::fp32;
    const bool fits = taken == LayerFormats::mixed || all_fp32 ||
                      (taken == LayerFormats::uniform && next->all_inputs_are(i, formats[i]));
    next->needs_adapter.push_back(fits ? 0 : 1);
  }
  if (passes == Passes::fused) {
    next->chains = find_rectified_chains(nodes_, memory);
  }
  std::erase_if(next->chains, [&](const RectifiedChain& chain) {
    return next->needs_adapter[chain.first] != 0 || formats[chain.last] != formats[chain.first] ||
           (chain.has_shortcut() && next->needs_adapter[chain.add()] != 0);
  });
  next->rectified = find_rectified_outputs(nodes_);
  next->steps = forward_steps(nodes_.size(), next->chains);
  next->speculating_steps = speculating_steps(nodes_, next->steps, next->rectified);
  plan_ = std::move(next);
  if (precision.kind == Precision::Kind::fp8) {
    make_quantiser();
    if (earlier) {
      plan_->quantiser->restore(earlier->history());
    }
  }
}

const Tensor& Network::feedforward(const Tensor& images, bool training, StepHook* hook) {
  planned();
  if (images.shape() != plan_->input_shape) {
    throw UsageError(fmt::format("images are {} but the network was planned for {}", to_string(images.shape()),
                                 to_string(plan_->input_shape)));
  }
  plan_->images = rounded(images, training);
  plan_->ready_to_backpropagate = false;
  hook = shown(hook, training);
  plan_->outputs_changed = training && hook != nullptr && hook->changes_outputs();
  for (const ForwardStep& step : plan_->outputs_changed ? plan_->speculating_steps : plan_->steps) {
    const size_t i = step.node;
    const Stopwatch stopwatch(times_, i, &NodeTimes::feedforward);
    if (plan_->outputs_changed) {
      announce_rectification(i, *hook);
    }
    if (step.batchnorm != nullptr) {
      feedforward_chain(step, training, hook);
    } else if (plan_->needs_adapter[i] != 0) {
      plan_->adapter.feedforward(*nodes_[i].layer, plan_->inputs[i], plan_->outputs[i], training, hook);
    } else {
      nodes_[i].layer->feedforward(plan_->inputs[i], plan_->outputs[i], training, hook);
    }
    finish_output(step.last, training);
    if (plan_->outputs_changed) {
      show_rectified(step.last, *hook);
    }
  }
  plan_->ready_to_backpropagate = training;
  return plan_->outputs.back();
}

void Network::backpropagate(const Tensor& dlogits, StepHook* hook) {
  planned();
  if (!plan_->ready_to_backpropagate) {
    throw std::logic_error("backpropagate needs a feedforward in training before it");
  }
  if (dlogits.shape() != output_shape()) {
    throw UsageError(fmt::format("the gradient of the logits is {} but the logits are {}", to_string(dlogits.shape()),
                                 to_string(output_shape())));
  }
  plan_->ready_to_backpropagate = false;  // BP uses the activations' gradients up
  if (Tensor& doutput = plan_->backward.back().doutput; !doutput.empty()) {
    std::copy_n(dlogits.data(), dlogits.size(), doutput.data());
    if (plan_->quantiser) {
      plan_->quantiser->round_gradient(nodes_.size() - 1, doutput);
    } else if (plan_->precision.kind == Precision::Kind::fp16) {
      round_values({kBinary16, 0}, Overflow::by_definition, doutput.values(), doutput.values());
    }
  }
  hook = shown(hook, true);
  auto chain = plan_->chains.rbegin();
  for (size_t i = nodes_.size(); i-- > 0;) {
    if (chain != plan_->chains.rend() && chain->last == i) {
      const Stopwatch stopwatch(times_, chain->first, &NodeTimes::backpropagation);
      backpropagate_chain(*chain, hook);
      i = chain->first;
      ++chain;
      continue;
    }
    Plan::Backward& backward = plan_->backward[i];
    if (backward.doutput.empty()) {
      continue;
    }
    Layer& layer = *nodes_[i].layer;
    const bool adapt = plan_->needs_adapter[i] != 0;
    {
      const Stopwatch stopwatch(times_, i, &NodeTimes::weight_gradient);
      if (adapt) {
        plan_->adapter.weight_gradient(layer, plan_->inputs[i], backward.doutput, hook);
      } else {
        layer.weight_gradient(plan_->inputs[i], backward.doutput, hook);
      }
    }
    const Stopwatch stopwatch(times_, i, &NodeTimes::backpropagation);
    const BackwardView view{plan_->inputs[i], plan_->outputs[i], backward.doutput, backward.dinputs,
                            backward.accumulate};
    if (adapt) {
      plan_->adapter.backpropagate(layer, view, hook);
    } else {
      layer.backpropagate(view, hook);
    }
    finish_gradients(i);
  }
}

void Network::announce_rectification(size_t node, StepHook& hook) {
  const auto outputs = std::ranges::find(plan_->rectified, node, &RectifiedOutputs::convolution);
  if (outputs == plan_->rectified.end()) {
    return;
  }
  const auto& batchnorm = dynamic_cast<const layers::BatchNorm&>(*nodes_[outputs->batchnorm].layer);
  hook.rectification(
      nodes_[node].layer->contraction()->description(),
      {batchnorm.gamma().value, batchnorm.beta().value, batchnorm.options().epsilon,
       outputs->has_shortcut() ? plan_->inputs[outputs->add][static_cast<size_t>(outputs->shortcut)] : nullptr});
}

void Network::show_rectified(size_t node, StepHook& hook) {
  const auto outputs = std::ranges::find(plan_->rectified, node, &RectifiedOutputs::rectifier);
  if (outputs != plan_->rectified.end()) {
    hook.rectified(nodes_[outputs->convolution].layer->contraction()->description(), plan_->outputs[node]);
  }
}

void Network::feedforward_chain(const ForwardStep& step, bool training, StepHook* hook) {
  const Tensor* shortcut = step.shortcut >= 0 ? plan_->inputs[step.add][static_cast<size_t>(step.shortcut)] : nullptr;
  step.batchnorm->feedforward_rectified(*plan_->inputs[step.node][0], shortcut, training, plan_->outputs[step.last],
                                        hook);
}

void Network::backpropagate_chain(const RectifiedChain& chain, StepHook* hook) {
  Plan::Backward& first = plan_->backward[chain.first];
  Plan::Backward& last = plan_->backward[chain.last];
  chain.batchnorm->backpropagate_rectified(last.doutput, plan_->outputs[chain.last], *plan_->inputs[chain.first][0],
                                           chain.has_shortcut() || plan_->outputs_changed, first.dinputs[0], hook);
  if (chain.has_shortcut()) {
    const size_t add = chain.add();
    Plan::Backward& sum = plan_->backward[add];
    nodes_[add].layer->backpropagate(
        {plan_->inputs[add], plan_->outputs[add], sum.doutput, sum.dinputs, sum.accumulate}, nullptr);
    finish_gradients(add);
  }
  finish_gradients(chain.first);
}

std::vector<Parameter*> Network::parameters() {
  std::vector<Parameter*> all;
  for (const Node& node : nodes_) {
    const auto own = node.layer->parameters();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

std::vector<Buffer*> Network::buffers() {
  std::vector<Buffer*> all;
  for (const Node& node : nodes_) {
    const auto own = node.layer->buffers();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

void Network::record_times(std::vector<NodeTimes>* times) {
  times_ = times;
  if (times != nullptr) {
    times->resize(nodes_.size());
  }
}

const Network::Plan& Network::planned() const {
  if (!plan_) {
    throw std::logic_error("the network must be planned first");
  }
  return *plan_;
}

const Shape& Network::input_shape() const { return planned().input_shape; }
Format Network::format() const { return planned().precision.storage(); }
const Precision& Network::precision() const { return planned().precision; }
Quantiser* Network::quantiser() { return planned().quantiser.get(); }

void Network::step_done(bool overflowed) {
  if (plan_ && plan_->quantiser) {
    plan_->quantiser->step_done(overflowed);
  }
}
const Shape& Network::output_shape() const { return planned().outputs.back().shape(); }

Layer& Network::owner_of(const Parameter& weight) const {
  for (const Node& node : nodes_) {
    for (const Parameter* parameter : node.layer->parameters()) {
      if (parameter == &weight) {
        if (!weight.is_weight) {
          throw std::logic_error(fmt::format("{} is not a weight: its gradient is always dense", weight.name));
        }
        return *node.layer;
      }
    }
  }
  throw std::logic_error(fmt::format("{} is not a parameter of this network", weight.name));
}

void Network::request_dense_gradient(const Parameter& weight) { owner_of(weight).request_dense_gradient(); }

std::span<const float> Network::dense_gradient(const Parameter& weight) const {
  return owner_of(weight).dense_gradient();
}

const std::vector<Network::Node>& Network::nodes() const { return nodes_; }

}  // namespace trainer
