#include "network/decoupling.h"

#include "network/layers/contraction.h"
#include "network/layers/convolution.h"
#include "network/readers.h"

namespace trainer {

Decoupling find_decoupling(const std::vector<Network::Node>& nodes) {
  const std::vector<std::vector<size_t>> readers = find_readers(nodes);
  Decoupling found;
  found.sums_for.resize(nodes.size(), nullptr);
  for (const Network::Node& node : nodes) {
    auto* batchnorm = dynamic_cast<layers::BatchNorm*>(node.layer.get());
    if (batchnorm == nullptr || node.inputs[0] < 0) {
      continue;
    }
    const auto before = static_cast<size_t>(node.inputs[0]);
    const auto* convolution = dynamic_cast<const layers::Convolution*>(nodes[before].layer.get());
    if (convolution != nullptr && convolution->bias() == nullptr && readers[before].size() == 1) {
      found.sums_for[before] = batchnorm;
    }
  }
  return found;
}

}  // namespace trainer
