#include "network/readers.h"

namespace trainer {

std::vector<std::vector<size_t>> find_readers(const std::vector<Network::Node>& nodes) {
  std::vector<std::vector<size_t>> readers(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const int input : nodes[i].inputs) {
      if (input >= 0) {
        readers[static_cast<size_t>(input)].push_back(i);
      }
    }
  }
  return readers;
}

}  // namespace trainer
