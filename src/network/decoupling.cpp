#include "network/decoupling.h"

#include "network/layers/contraction.h"
#include "network/layers/convolution.h"

namespace trainer {

Decoupling find_decoupling(const std::vector<Network::Node>& nodes) {
  std::vector<int> uses(nodes.size(), 0);
  for (const Network::Node& node : nodes) {
    for (const int input : node.inputs) {
      if (input >= 0) {
        ++uses[static_cast<size_t>(input)];
      }
    }
  }
  Decoupling found;
  found.sums_for.resize(nodes.size(), nullptr);
  for (const Network::Node& node : nodes) {
    auto* batchnorm = dynamic_cast<layers::BatchNorm*>(node.layer.get());
    if (batchnorm == nullptr || node.inputs[0] < 0) {
      continue;
    }
    const auto before = static_cast<size_t>(node.inputs[0]);
    const auto* convolution = dynamic_cast<const layers::Convolution*>(nodes[before].layer.get());
    if (convolution != nullptr && convolution->bias() == nullptr && uses[before] == 1) {
      found.sums_for[before] = batchnorm;
    }
  }
  return found;
}

}  // namespace trainer
