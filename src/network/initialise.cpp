#include "network/initialise.h"

#include <cmath>

#include "base/random.h"

namespace trainer {
namespace {

template <typename Draw>
void fill(Parameter& parameter, uint64_t seed, Draw draw) {
  Random random(seed, stream_of(parameter.name));
  AlignedVector<float> dense(static_cast<size_t>(parameter.pattern->size()));
  for (float& value : dense) {
    value = draw(random);
  }
  gather(*parameter.pattern, dense, parameter.value);
}

void initialise_layer(const std::vector<Parameter*>& parameters, uint64_t seed) {
  for (const Parameter* weight : parameters) {
    if (!weight->is_weight) {
      continue;
    }
    const bool is_convolution = weight->extents.size() == 4;
    const int64_t fan_in = weight->pattern->columns();
    const int64_t window = is_convolution ? weight->extents[2] * weight->extents[3] : 1;
    const auto bound = static_cast<float>(1 / std::sqrt(static_cast<double>(fan_in)));
    const auto deviation = static_cast<float>(std::sqrt(2.0 / static_cast<double>(weight->extents[0] * window)));
    for (Parameter* parameter : parameters) {
      if (parameter->is_weight && is_convolution) {
        fill(*parameter, seed, [deviation](Random& random) { return deviation * random.normal(); });
      } else {
        fill(*parameter, seed, [bound](Random& random) { return random.uniform(-bound, bound); });
      }
    }
  }
}

}  // namespace

void initialise(Network& network, uint64_t seed) {
  for (const Network::Node& node : network.nodes()) {
    initialise_layer(node.layer->parameters(), seed);
  }
}

uint64_t stream_of(std::string_view parameter_name) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : parameter_name) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace trainer
