#include "network/surroundings.h"

#include <algorithm>

#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/layers/contraction.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"
#include "network/readers.h"

namespace trainer {
namespace {

class SurroundingsFinder {
 public:
  explicit SurroundingsFinder(const std::vector<Network::Node>& nodes) : nodes_(nodes), readers_(find_readers(nodes)) {}

  Surroundings at(size_t node) const {
    const int input = nodes_[node].inputs.empty() ? Network::kInput : nodes_[node].inputs[0];
    Surroundings found;
    if (is_contraction(static_cast<int>(node))) {
      found.input_is_rectified = leaves_a_relu(input);
      found.input_from_batchnorm = loads_of_batchnorm(batchnorm_behind(input)) > 0;
      found.output_to_batchnorm = readers_[node].size() == 1 && is_batchnorm(static_cast<int>(readers_[node][0]));
    } else if (is_batchnorm(static_cast<int>(node))) {
      found.applied_on_load = loads_of_batchnorm(static_cast<int>(node));
      found.contraction_before = is_contraction(input) ? input : -1;
    }
    return found;
  }

 private:
  Layer& layer(int node) const { return *nodes_[static_cast<size_t>(node)].layer; }
  int input_of(int node) const { return nodes_[static_cast<size_t>(node)].inputs[0]; }
  const std::vector<size_t>& readers_of(int node) const { return readers_[static_cast<size_t>(node)]; }

  bool is_contraction(int node) const { return node >= 0 && layer(node).contraction() != nullptr; }
  bool is_batchnorm(int node) const {
    return node >= 0 && dynamic_cast<const layers::BatchNorm*>(&layer(node)) != nullptr;
  }
  bool is_relu(int node) const {
    return node >= 0 && (dynamic_cast<const layers::Relu*>(&layer(node)) != nullptr ||
                         dynamic_cast<const layers::ClippedRelu*>(&layer(node)) != nullptr);
  }
  bool is_max_pooling(int node) const {
    const auto* pooling = node < 0 ? nullptr : dynamic_cast<const layers::Pooling*>(&layer(node));
    return pooling != nullptr && pooling->options().kind == PoolingKind::maximum;
  }

  /// A maximum of rectified values is 0 only where all of them are, and then the ReLU lets none of its gradient pass.
  bool leaves_a_relu(int node) const { return is_max_pooling(node) ? leaves_a_relu(input_of(node)) : is_relu(node); }

  /// The BN whose output, rectified or not, is this node's; -1 where there is none.
  int batchnorm_behind(int node) const {
    const int candidate = is_relu(node) ? input_of(node) : node;
    return is_batchnorm(candidate) ? candidate : -1;
  }

  /// How many contractions load what this BN made; 0 where anything else reads it too.
  int loads_of_batchnorm(int batchnorm) const {
    if (batchnorm < 0) {
      return 0;
    }
    const std::vector<size_t>& own = readers_of(batchnorm);
    const int only = own.size() == 1 ? static_cast<int>(own[0]) : -1;
    const std::vector<size_t>& readers = is_relu(only) ? readers_of(only) : own;
    const bool contractions_alone =
        std::ranges::all_of(readers, [this](size_t reader) { return is_contraction(static_cast<int>(reader)); });
    return contractions_alone ? static_cast<int>(readers.size()) : 0;
  }

  const std::vector<Network::Node>& nodes_;
  std::vector<std::vector<size_t>> readers_;
};

}  // namespace

std::vector<Surroundings> find_surroundings(const std::vector<Network::Node>& nodes) {
  const SurroundingsFinder finder(nodes);
  std::vector<Surroundings> found;
  for (size_t i = 0; i < nodes.size(); ++i) {
    found.push_back(finder.at(i));
  }
  return found;
}

void describe_surroundings(const std::vector<Network::Node>& nodes) {
  const std::vector<Surroundings> found = find_surroundings(nodes);
  for (size_t i = 0; i < nodes.size(); ++i) {
    Layer& layer = *nodes[i].layer;
    if (layers::Contraction* contraction = layer.contraction()) {
      contraction->set_surroundings(found[i].input_is_rectified, found[i].input_from_batchnorm,
                                    found[i].output_to_batchnorm);
    } else if (auto* batchnorm = dynamic_cast<layers::BatchNorm*>(&layer)) {
      const int before = found[i].contraction_before;
      const bool has_bp = before < 0 || nodes[static_cast<size_t>(before)].layer->contraction()->description().has_bp;
      const bool from_contraction = before >= 0 && found[static_cast<size_t>(before)].output_to_batchnorm;
      batchnorm->set_surroundings(found[i].applied_on_load, from_contraction, has_bp);
    }
  }
}

}  // namespace trainer
