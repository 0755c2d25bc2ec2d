#include "network/fusion.h"

#include <optional>

#include "network/layers/add.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/relu.h"
#include "network/readers.h"

namespace trainer {
namespace {

class ChainFinder {
 public:
  ChainFinder(const std::vector<Network::Node>& nodes, const MemoryPlan& memory)
      : nodes_(nodes), memory_(memory), readers_(find_readers(nodes)) {}

  std::optional<RectifiedChain> at(size_t first) const {
    auto* batchnorm = dynamic_cast<layers::BatchNorm*>(nodes_[first].layer.get());
    if (batchnorm == nullptr || !batchnorm->can_rectify()) {
      return std::nullopt;
    }
    if (followed_by_relu(first) && passes_gradient_in_place(first + 1, 0)) {
      return RectifiedChain{batchnorm, first, first + 1, -1, ceiling_of(first + 1)};
    }
    if (followed_by<layers::Add>(first) && followed_by_relu(first + 1)) {
      const size_t branch = nodes_[first + 1].inputs[0] == static_cast<int>(first) ? 0 : 1;
      if (passes_gradient_in_place(first + 1, branch) && passes_gradient_in_place(first + 2, 0)) {
        return RectifiedChain{batchnorm, first, first + 2, branch == 0 ? 1 : 0, ceiling_of(first + 2)};
      }
    }
    return std::nullopt;
  }

 private:
  /// Whether the next node is such a layer, and alone reads this one's output, once.
  template <typename LayerKind>
  bool followed_by(size_t node) const {
    if (node + 1 >= nodes_.size() || readers_[node].size() != 1 ||
        dynamic_cast<const LayerKind*>(nodes_[node + 1].layer.get()) == nullptr) {
      return false;
    }
    const std::vector<int>& inputs = nodes_[node + 1].inputs;
    return inputs[0] == static_cast<int>(node) || inputs.back() == static_cast<int>(node);
  }

  bool followed_by_relu(size_t node) const {
    return followed_by<layers::Relu>(node) || followed_by<layers::ClippedRelu>(node);
  }
  Ceiling ceiling_of(size_t relu) const {
    const auto* clipped = dynamic_cast<const layers::ClippedRelu*>(nodes_[relu].layer.get());
    return clipped == nullptr ? Ceiling() : clipped->ceiling();
  }

  bool passes_gradient_in_place(size_t node, size_t input) const {
    const MemoryPlan::Backward& backward = memory_.backward[node];
    const MemoryPlan::Target& target = backward.dinputs[input];
    return backward.doutput >= 0 && target.slot == backward.doutput && !target.accumulate && target.add_to < 0;
  }

  const std::vector<Network::Node>& nodes_;
  const MemoryPlan& memory_;
  std::vector<std::vector<size_t>> readers_;
};

}  // namespace

std::vector<RectifiedChain> find_rectified_chains(const std::vector<Network::Node>& nodes, const MemoryPlan& memory) {
  const ChainFinder finder(nodes, memory);
  std::vector<RectifiedChain> chains;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (const auto chain = finder.at(i)) {
      chains.push_back(*chain);
    }
  }
  return chains;
}

}  // namespace trainer
