#include "network/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "kernels/convolution/half/half_kernels.h"
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

/// Throws UsageError for a path in FP16 where operands are others, or the CPU cannot.
void require_half_operands(KernelPath path, const Precision& precision) {
  if (path != KernelPath::half) {
    return;
  }
  if (precision.kind != Precision::Kind::fp16) {
    throw UsageError(
        fmt::format("kernels half: multiplies FP16 operands, and these are {}; give precision fp16, or "
                    "choose auto, reference, highway or onednn",
                    to_string(precision.kind)));
  }
  require_half_arithmetic();
}

bool all_are(const std::vector<Format>& formats, Format wanted) {
  return std::ranges::all_of(formats, [wanted](Format format) { return format == wanted; });
}

/// Whether a layer runs on copies of another format. `outputs`: of every node.
bool needs_adapter(const Network::Node& node, const std::vector<Format>& outputs, Format output) {
  std::vector<Format> formats = {output};
  for (const int input : node.inputs) {
    formats.push_back(input < 0 ? Format::fp32 : outputs[static_cast<size_t>(input)]);
  }
  const LayerFormats taken = node.layer->formats();
  return taken != LayerFormats::mixed && !all_are(formats, Format::fp32) &&
         !(taken == LayerFormats::uniform && all_are(formats, output));
}

}  // namespace

void Network::plan(const Shape& images, KernelPath path, const Precision& precision, Passes passes) {
  require_consumers(nodes_);
  require_half_operands(path, precision);
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
  next->precision = precision;
  if (precision.kind != Precision::Kind::fp32) {
    next->rounded_images = Tensor(images);
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    std::vector<uint8_t> needed;
    for (const MemoryPlan::Target& target : memory.backward[i].dinputs) {
      needed.push_back(target.slot >= 0 ? 1 : 0);
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
    next->needs_adapter.push_back(needs_adapter(nodes_[i], formats, formats[i]) ? 1 : 0);
  }
  if (passes != Passes::one_by_one) {
    next->chains = find_rectified_chains(nodes_, memory);
  }
  std::erase_if(next->chains, [&](const RectifiedChain& chain) {
    return next->needs_adapter[chain.first] != 0 || formats[chain.last] != formats[chain.first] ||
           (chain.has_shortcut() && next->needs_adapter[chain.add()] != 0);
  });
  next->rectified = find_rectified_outputs(nodes_);
  next->steps = forward_steps(nodes_.size(), next->chains);
  next->speculating_steps = speculating_steps(nodes_, next->steps, next->rectified);
  next->decoupling.sums_for.resize(nodes_.size(), nullptr);
  // FP8 rounds Z after the convolution has written it, and what BN makes of it once it is all there.
  if (precision.kind != Precision::Kind::fp8) {
    if (passes == Passes::summed || passes == Passes::decoupled) {
      next->decoupling = find_decoupling(nodes_);
    }
    if (passes == Passes::decoupled) {
      next->loads = find_mapped_loads(nodes_, next->chains, memory, next->needs_adapter);
    }
  }
  next->place_tensors(nodes_, memory, shapes, formats);
  plan_ = std::move(next);
  if (precision.kind == Precision::Kind::fp8) {
    make_quantiser();
    if (earlier) {
      plan_->quantiser->restore(earlier->history());
    }
  }
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
int64_t Network::planned_bytes() const { return planned().bytes; }
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

void Network::release_patterns() {
  for (const Node& node : nodes_) {
    if (layers::Contraction* const contraction = node.layer->contraction(); contraction != nullptr) {
      contraction->release_pattern();
    }
  }
}

void Network::request_dense_gradient(const Parameter& weight) { owner_of(weight).request_dense_gradient(); }

std::span<const float> Network::dense_gradient(const Parameter& weight) const {
  return owner_of(weight).dense_gradient();
}

const std::vector<Network::Node>& Network::nodes() const { return nodes_; }

}  // namespace trainer
