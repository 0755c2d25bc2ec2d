// FF, and BP with WG, of a planned network.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "base/error.h"
#include "kernels/elementwise/round_values.h"
#include "network/layers/batchnorm.h"
#include "network/layers/contraction.h"
#include "network/network_plan.h"

namespace trainer {
namespace {

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

/// Whether a convolution is to map what it reads: a hook sees X.
bool is_mapped(const Network::Node& reader, ConvolutionPhase phase, const StepHook* hook) {
  return hook == nullptr && reader.layer->contraction()->maps_input(phase);
}

/// Whether BN leaves A to its reader, which maps Z or has A made; where it does neither right after, BN makes A while
/// it has Z in cache.
bool is_left_to_reader(const MappedLoad& load, const std::vector<Network::Node>& nodes, const StepHook* hook) {
  return !load.read_next() || is_mapped(nodes[load.reader], ConvolutionPhase::feedforward, hook);
}

}  // namespace

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
  if (plan_->outputs_changed) {
    plan_->keep_outputs();
  }
  for (const ForwardStep& step : plan_->outputs_changed ? plan_->speculating_steps : plan_->steps) {
    const size_t i = step.node;
    const Stopwatch stopwatch(times_, i, &NodeTimes::feedforward);
    if (plan_->outputs_changed) {
      announce_input_format(i);
      announce_rectification(i, *hook);
    }
    const MappedLoad* const written = plan_->load_written_by(step.last);
    const MappedLoad* const read = plan_->load_read_by(i);
    const bool left_to_reader = written != nullptr && is_left_to_reader(*written, nodes_, hook);
    if (written != nullptr && !left_to_reader) {
      plan_->place_output(*written);
    }
    if (left_to_reader) {
      written->batchnorm->feedforward_on_load(*plan_->inputs[i][0], written->rectify, written->ceiling, training, hook);
    } else if (step.batchnorm != nullptr) {
      feedforward_chain(step, training, hook);
    } else if (read != nullptr || plan_->decoupling.sums_for[i] != nullptr) {
      feedforward_decoupled(i, read, training, hook);
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
      weight_gradient(i, hook);
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

void Network::announce_input_format(size_t node) {
  layers::Contraction* const contraction = nodes_[node].layer->contraction();
  if (plan_->quantiser && contraction != nullptr) {
    contraction->use_input_format(plan_->quantiser->format_of_output(plan_->rounded[node].source));
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

void Network::feedforward_decoupled(size_t node, const MappedLoad* load, bool training, StepHook* hook) {
  const Tensor* X = plan_->inputs[node][0];
  const InputMap* map = nullptr;
  if (load != nullptr && is_mapped(nodes_[node], ConvolutionPhase::feedforward, hook)) {
    X = plan_->inputs[load->first][0];
    map = &load->batchnorm->output_map();
  } else if (load != nullptr && !load->read_next()) {
    plan_->make_output(*load);
  }
  layers::BatchNorm* const after = plan_->decoupling.sums_for[node];
  // A hook that changes Z does so after the sums would have been taken.
  const bool wanted = after != nullptr && training && !plan_->outputs_changed;
  const OutputSums sums = wanted ? after->output_sums() : OutputSums();
  const bool taken =
      nodes_[node].layer->contraction()->feedforward(*X, plan_->outputs[node], hook, wanted ? &sums : nullptr, map);
  if (after != nullptr) {
    after->use_output_sums(taken);
  }
}

void Network::weight_gradient(size_t node, StepHook* hook) {
  Layer& layer = *nodes_[node].layer;
  Tensor& doutput = plan_->backward[node].doutput;
  const MappedLoad* const load = plan_->load_read_by(node);
  if (load != nullptr && is_mapped(nodes_[node], ConvolutionPhase::weight_gradient, hook)) {
    layer.contraction()->weight_gradient(*plan_->inputs[load->first][0], doutput, nullptr,
                                         &load->batchnorm->output_map());
    return;
  }
  if (load != nullptr) {
    plan_->make_output(*load, hook != nullptr);
  }
  if (plan_->needs_adapter[node] != 0) {
    plan_->adapter.weight_gradient(layer, plan_->inputs[node], doutput, hook);
  } else {
    layer.weight_gradient(plan_->inputs[node], doutput, hook);
  }
}

void Network::feedforward_chain(const ForwardStep& step, bool training, StepHook* hook) {
  const Tensor* shortcut = step.shortcut >= 0 ? plan_->inputs[step.add][static_cast<size_t>(step.shortcut)] : nullptr;
  step.batchnorm->feedforward_rectified(*plan_->inputs[step.node][0], shortcut, step.ceiling, training,
                                        plan_->outputs[step.last], hook);
}

void Network::backpropagate_chain(const RectifiedChain& chain, StepHook* hook) {
  Plan::Backward& first = plan_->backward[chain.first];
  Plan::Backward& last = plan_->backward[chain.last];
  chain.batchnorm->backpropagate_rectified(last.doutput, plan_->outputs[chain.last], *plan_->inputs[chain.first][0],
                                           chain.ceiling, chain.has_shortcut() || plan_->outputs_changed,
                                           first.dinputs[0], hook);
  if (chain.has_shortcut()) {
    const size_t add = chain.add();
    Plan::Backward& sum = plan_->backward[add];
    nodes_[add].layer->backpropagate(
        {plan_->inputs[add], plan_->outputs[add], sum.doutput, sum.dinputs, sum.accumulate}, nullptr);
    finish_gradients(add);
  }
  finish_gradients(chain.first);
}

}  // namespace trainer
