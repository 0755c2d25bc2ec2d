// What a network's precision asks for beside storage: operands rounded, hooks shown what they understand.
#include "kernels/elementwise/add.h"
#include "kernels/elementwise/round_values.h"
#include "network/layers/batchnorm.h"
#include "network/layers/contraction.h"
#include "network/network_plan.h"

namespace trainer {

std::vector<Format> output_formats(const std::vector<Network::Node>& nodes, Format format) {
  std::vector<Format> formats(nodes.size(), format);
  formats.back() = Format::fp32;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (formats[i] == Format::fp32 && nodes[i].layer->memory().in_place) {
      for (const int input : nodes[i].inputs) {
        if (input >= 0) {
          formats[static_cast<size_t>(input)] = Format::fp32;
        }
      }
    }
  }
  return formats;
}

void Network::make_quantiser() {
  Plan& plan = *plan_;
  // In FP8 the logits are FP32 where they are in FP16.
  const std::vector<Format> formats = output_formats(nodes_, Format::fp16);
  std::vector<QuantisingHook::Node> hook_nodes;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const NewValues made = node.layer->new_values();
    const layers::Contraction* contraction = node.layer->contraction();
    const bool is_batchnorm = dynamic_cast<const layers::BatchNorm*>(node.layer.get()) != nullptr;
    const bool output = made.output && formats[i] == Format::fp16;
    const bool hook_rounds_output = output && contraction != nullptr && contraction->bias() == nullptr;
    hook_nodes.push_back({hook_rounds_output, node.inputs[0]});
    Plan::Rounded rounded{output && !hook_rounds_output, {}};
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const bool hook_rounds = contraction != nullptr || is_batchnorm;
      const bool added = !plan.backward[i].add_to[k].empty() || (plan.backward[i].accumulate[k] != 0 && !hook_rounds);
      rounded.dinputs.push_back(added || (made.dinputs && !hook_rounds) ? 1 : 0);
    }
    plan.rounded.push_back(std::move(rounded));
  }
  for (const RectifiedChain& chain : plan.chains) {
    // Its ReLU passes on what the same pass made, which nothing has rounded.
    plan.rounded[chain.last].output = formats[chain.last] == Format::fp16;
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    int& source = plan.rounded[i].source = nodes_[i].inputs[0];
    while (source >= 0 && !plan.rounded[static_cast<size_t>(source)].output &&
           !hook_nodes[static_cast<size_t>(source)].rounds_output) {
      source = nodes_[static_cast<size_t>(source)].inputs[0];
    }
  }
  plan.quantiser = std::make_unique<Quantiser>(plan.precision, nodes_.size());
  plan.quantising_hook = std::make_unique<QuantisingHook>(*plan.quantiser, std::move(hook_nodes));
}

const Tensor& Network::rounded(const Tensor& images, bool training) {
  if (plan_->precision.kind == Precision::Kind::fp32) {
    return images;
  }
  if (plan_->quantiser) {
    plan_->quantiser->round_images(images, training, plan_->rounded_images);
  } else {
    round_values({kBinary16, 0}, Overflow::by_definition, images.values(), plan_->rounded_images.values());
  }
  return plan_->rounded_images;
}

void Network::finish_output(size_t node, bool training) {
  if (plan_->quantiser && plan_->rounded[node].output) {
    plan_->quantiser->round_output(node, training, plan_->outputs[node]);
  }
}

void Network::finish_gradients(size_t node) {
  Plan::Backward& backward = plan_->backward[node];
  for (size_t k = 0; k < backward.add_to.size(); ++k) {
    Tensor& sum = backward.add_to[k];
    if (!sum.empty()) {
      trainer::add(plan_->elementwise, sum, backward.targets[k], sum);
    }
    if (plan_->quantiser && plan_->rounded[node].dinputs[k] != 0 && !backward.targets[k].empty()) {
      plan_->quantiser->round_gradient(static_cast<size_t>(nodes_[node].inputs[k]),
                                       sum.empty() ? backward.targets[k] : sum);
    }
  }
}

StepHook* Network::shown(StepHook* hook, bool training) {
  if (plan_->quantiser) {
    plan_->quantising_hook->show(hook, training);
    return plan_->quantising_hook.get();
  }
  if (hook == nullptr || plan_->precision.kind == Precision::Kind::fp32) {
    return hook;
  }
  plan_->fp32_hook.forward_to(hook);
  return &plan_->fp32_hook;
}

}  // namespace trainer
