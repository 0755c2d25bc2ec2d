#include "network/rectified_outputs.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/convolution.h"
#include "network/layers/relu.h"

namespace trainer {
namespace {

class Finder {
 public:
  explicit Finder(const std::vector<Network::Node>& nodes) : nodes_(nodes), readers_(nodes.size()) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (const int input : nodes[i].inputs) {
        if (input >= 0) {
          readers_[static_cast<size_t>(input)].push_back(i);
        }
      }
    }
  }

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
    if (!rectifier || !is_rectifier(*rectifier) || source >= static_cast<int>(*batchnorm)) {
      return std::nullopt;
    }
    return RectifiedOutputs{convolution, *batchnorm, *rectifier, *after, shortcut};
  }

 private:
  template <typename Kind>
  bool is(size_t node) const {
    return dynamic_cast<const Kind*>(nodes_[node].layer.get()) != nullptr;
  }
  bool is_rectifier(size_t node) const { return is<layers::Relu>(node) || is<layers::ClippedRelu>(node); }
  std::optional<size_t> only_reader(size_t node) const {
    return readers_[node].size() == 1 ? std::optional(readers_[node].front()) : std::nullopt;
  }

  const std::vector<Network::Node>& nodes_;
  std::vector<std::vector<size_t>> readers_;  // with repetition
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

std::vector<size_t> feedforward_order(size_t nodes, const std::vector<RectifiedOutputs>& rectified) {
  std::vector<size_t> order(nodes);
  std::iota(order.begin(), order.end(), size_t{0});
  for (const RectifiedOutputs& outputs : rectified) {
    if (outputs.has_shortcut()) {
      const auto convolution = std::ranges::find(order, outputs.convolution);
      std::rotate(convolution, convolution + 1, std::ranges::find(order, outputs.batchnorm));
    }
  }
  return order;
}

}  // namespace trainer
