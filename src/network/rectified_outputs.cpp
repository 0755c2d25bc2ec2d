#include "network/rectified_outputs.h"

#include <algorithm>
#include <optional>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/contraction.h"
#include "network/layers/convolution.h"
#include "network/layers/relu.h"
#include "network/readers.h"

namespace trainer {
namespace {

class Finder {
 public:
  explicit Finder(const std::vector<Network::Node>& nodes) : nodes_(nodes), readers_(find_readers(nodes)) {}

  std::optional<RectifiedOutputs> at(size_t convolution) const {
    if (!is<layers::Convolution>(convolution)) {
      return std::nullopt;
    }
    const auto batchnorm = only_reader(convolution);
    if (!batchnorm || !is<layers::BatchNorm>(*batchnorm)) {
      return std::nullopt;
    }
    const auto after = only_reader(*batchnorm);
    if (after && is_rectifier(*after)) {
      return RectifiedOutputs{convolution, *batchnorm, *after, 0, -1};
    }
    if (!after || !is<layers::Add>(*after)) {
      return std::nullopt;
    }
    const auto rectifier = only_reader(*after);
    const int shortcut = nodes_[*after].inputs[0] == static_cast<int>(*batchnorm) ? 1 : 0;
    const int source = nodes_[*after].inputs[static_cast<size_t>(shortcut)];
    if (!rectifier || !is_rectifier(*rectifier) || is_larger_branch(source, convolution)) {
      return std::nullopt;
    }
    return RectifiedOutputs{convolution, *batchnorm, *rectifier, *after, shortcut};
  }

 private:
  template <typename Kind>
  bool is(size_t node) const {
    return dynamic_cast<const Kind*>(nodes_[node].layer.get()) != nullptr;
  }
  /// Whether `batchnorm` ends a branch like that of `convolution`, with more weights an output, or as many and later.
  bool is_larger_branch(int batchnorm, size_t convolution) const {
    if (batchnorm < 0 || !is<layers::BatchNorm>(static_cast<size_t>(batchnorm)) ||
        !only_reader(static_cast<size_t>(batchnorm))) {
      return false;
    }
    const int other = nodes_[static_cast<size_t>(batchnorm)].inputs[0];
    if (other < 0 || !is<layers::Convolution>(static_cast<size_t>(other)) || !only_reader(static_cast<size_t>(other))) {
      return false;
    }
    const int64_t weights = weights_per_output(static_cast<size_t>(other));
    const int64_t own = weights_per_output(convolution);
    return weights != own ? weights > own : static_cast<size_t>(other) > convolution;
  }
  int64_t weights_per_output(size_t node) const {
    return nodes_[node].layer->contraction()->weight().pattern->columns();
  }
  bool is_rectifier(size_t node) const { return is<layers::Relu>(node) || is<layers::ClippedRelu>(node); }
  std::optional<size_t> only_reader(size_t node) const {
    return readers_[node].size() == 1 ? std::optional(readers_[node].front()) : std::nullopt;
  }

  const std::vector<Network::Node>& nodes_;
  std::vector<std::vector<size_t>> readers_;
};

}  // namespace

std::vector<RectifiedOutputs> find_rectified_outputs(const std::vector<Network::Node>& nodes) {
  const Finder finder(nodes);
  std::vector<RectifiedOutputs> found;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (const auto outputs = finder.at(i)) {
      found.push_back(*outputs);
    }
  }
  return found;
}

std::vector<ForwardStep> forward_steps(size_t nodes, const std::vector<RectifiedChain>& chains) {
  std::vector<ForwardStep> steps;
  auto chain = chains.begin();
  for (size_t i = 0; i < nodes; ++i) {
    if (chain != chains.end() && chain->first == i) {
      steps.push_back({i, chain->last, chain->batchnorm, chain->has_shortcut() ? chain->add() : 0, chain->shortcut,
                       chain->ceiling});
      i = chain->last;
      ++chain;
    } else {
      steps.push_back({i, i});
    }
  }
  return steps;
}

std::vector<ForwardStep> speculating_steps(const std::vector<Network::Node>& nodes, std::vector<ForwardStep> steps,
                                           const std::vector<RectifiedOutputs>& rectified) {
  for (const RectifiedOutputs& outputs : rectified) {
    if (!outputs.has_shortcut()) {
      continue;
    }
    const auto step_of = [&](size_t node) { return std::ranges::find(steps, node, &ForwardStep::node); };
    const auto rectifying = std::ranges::find(steps, outputs.rectifier, &ForwardStep::last);
    std::vector<ForwardStep> moved = {{outputs.convolution, outputs.convolution}};
    size_t before = outputs.add;
    if (rectifying->batchnorm == nullptr) {
      moved.push_back({outputs.batchnorm, outputs.batchnorm});
    } else if (rectifying->node == outputs.batchnorm) {
      before = outputs.batchnorm;
    } else {
      // The other branch's BN does the sum and ReLU: now it comes first, and this branch's does them.
      auto& batchnorm = dynamic_cast<layers::BatchNorm&>(*nodes[outputs.batchnorm].layer);
      moved.push_back(
          {outputs.batchnorm, outputs.rectifier, &batchnorm, outputs.add, outputs.shortcut, rectifying->ceiling});
      before = rectifying->node;
      *rectifying = {before, before};
    }
    const bool after_other = moved.size() == 2 && moved.back().batchnorm != nullptr;
    for (const ForwardStep& step : moved) {
      steps.erase(step_of(step.node));
    }
    steps.insert(step_of(before) + (after_other ? 1 : 0), moved.begin(), moved.end());
  }
  return steps;
}

}  // namespace trainer
