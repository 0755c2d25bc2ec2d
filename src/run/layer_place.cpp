#include "run/layer_place.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/nearest.h"
#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/convolution.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"
#include "network/network.h"
#include "network/rectified_outputs.h"

namespace trainer {
namespace {

struct Neighbour {
  std::string name;
  std::unique_ptr<Layer> (*make)();
};

const std::vector<Neighbour>& neighbours() {
  static const std::vector<Neighbour> kNeighbours = {
      {"bn",
       []() -> std::unique_ptr<Layer> { return std::make_unique<layers::BatchNorm>(layers::BatchNormOptions{}); }},
      {"relu", []() -> std::unique_ptr<Layer> { return std::make_unique<layers::Relu>(); }},
      {"add", []() -> std::unique_ptr<Layer> { return std::make_unique<layers::Add>(); }},
      {"maxpool",
       []() -> std::unique_ptr<Layer> { return std::make_unique<layers::Pooling>(layers::PoolingOptions{}); }},
  };
  return kNeighbours;
}

const Neighbour& find_neighbour(const std::string& name, const char* option) {
  std::vector<std::string> known;
  for (const Neighbour& neighbour : neighbours()) {
    if (neighbour.name == name) {
      return neighbour;
    }
    known.push_back(neighbour.name);
  }
  throw UsageError(fmt::format("{}: there is no layer '{}'{}; choose {}", option, name, did_you_mean(name, known),
                               fmt::join(known, ", ")));
}

/// A graph that is never planned: channels and sizes do not matter.
class Chain {
 public:
  int add(std::unique_ptr<Layer> layer) {
    const std::vector<int> inputs = dynamic_cast<const layers::Add*>(layer.get()) == nullptr
                                        ? std::vector<int>{last_}
                                        : std::vector<int>{last_, Network::kInput};
    last_ = network_.add(fmt::format("node{}", network_.nodes().size()), std::move(layer), inputs);
    return last_;
  }
  void add(const std::vector<std::string>& names, const char* option) {
    for (const std::string& name : names) {
      add(find_neighbour(name, option).make());
    }
  }
  const std::vector<Network::Node>& nodes() const { return network_.nodes(); }

 private:
  Network network_;
  int last_ = Network::kInput;
};

}  // namespace

LayerPlace place_of(const LayerNeighbours& neighbours) {
  Chain chain;
  chain.add(std::make_unique<layers::Convolution>(layers::ConvolutionOptions{}));
  chain.add(neighbours.before, "--before");
  const auto layer =
      static_cast<size_t>(chain.add(std::make_unique<layers::Convolution>(layers::ConvolutionOptions{})));
  chain.add(neighbours.after, "--after");
  LayerPlace place;
  place.surroundings = find_surroundings(chain.nodes())[layer];
  for (const RectifiedOutputs& outputs : find_rectified_outputs(chain.nodes())) {
    if (outputs.convolution == layer) {
      place.speculated = true;
      place.has_shortcut = outputs.has_shortcut();
    }
  }
  return place;
}

}  // namespace trainer
