#include "network/mapped_loads.h"

#include "network/layers/convolution.h"
#include "network/readers.h"

namespace trainer {
namespace {

/// Whether the gradient that BP of `reader` writes has memory that nothing else is in before: where A can be meanwhile.
bool writes_gradient_alone(const MemoryPlan& memory, size_t reader) {
  const MemoryPlan::Target& target = memory.backward[reader].dinputs[0];
  return target.slot >= 0 && target.slot != memory.backward[reader].doutput && !target.accumulate && target.add_to < 0;
}

}  // namespace

std::vector<MappedLoad> find_mapped_loads(const std::vector<Network::Node>& nodes,
                                          const std::vector<RectifiedChain>& chains, const MemoryPlan& memory,
                                          const std::vector<uint8_t>& needs_adapter) {
  const std::vector<std::vector<size_t>> readers = find_readers(nodes);
  std::vector<MappedLoad> found;
  const auto add = [&](MappedLoad load) {
    if (readers[load.last].size() != 1) {
      return;
    }
    load.reader = readers[load.last].front();
    if (dynamic_cast<const layers::Convolution*>(nodes[load.reader].layer.get()) != nullptr &&
        needs_adapter[load.reader] == 0 && writes_gradient_alone(memory, load.reader)) {
      found.push_back(load);
    }
  };
  auto chain = chains.begin();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (chain != chains.end() && chain->first == i) {
      if (!chain->has_shortcut()) {
        add({chain->batchnorm, i, chain->last, 0, true, chain->ceiling});
      }
      i = chain->last;
      ++chain;
    } else if (auto* batchnorm = dynamic_cast<layers::BatchNorm*>(nodes[i].layer.get());
               batchnorm != nullptr && batchnorm->can_rectify() && needs_adapter[i] == 0) {
      add({batchnorm, i, i});
    }
  }
  return found;
}

}  // namespace trainer
