#include "run/layer_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "network/layers/contraction.h"
#include "network/named/models.h"
#include "network/network.h"
#include "network/rectified_outputs.h"

namespace trainer {
namespace {

struct Named {
  const char* model;
  const char* layer;
  LayerNeighbours neighbours;
};

LayerPlace place_in(const Named& named) {
  Network network = make_model({.name = named.model, .width = 0.25, .images = {2, 3, 32, 32}});
  LayerPlace place;
  size_t node = 0;
  while (network.nodes().at(node).name != named.layer) {
    ++node;
  }
  place.surroundings = find_surroundings(network.nodes())[node];
  for (const RectifiedOutputs& outputs : find_rectified_outputs(network.nodes())) {
    if (outputs.convolution == node) {
      place.speculated = true;
      place.has_shortcut = outputs.has_shortcut();
    }
  }
  return place;
}

/// What stands around layers of named networks, as an option of `trainer simulate` says it.
TEST(LayerPlace, LayersOfNetworks) {
  const std::vector<Named> cases = {
      {"resnet18", "conv1", {{}, {"bn", "relu"}}},
      {"resnet18", "layer1.0.conv1", {{"relu"}, {"bn", "relu"}}},
      {"resnet18", "layer1.0.conv2", {{"bn", "relu"}, {"bn", "add", "relu"}}},
      {"resnet18", "layer2.0.downsample.0", {{"relu"}, {"bn"}}},
      {"resnet18", "fc", {{}, {}}},
      {"mobilenet-v2", "features.2.conv.2", {{"bn", "relu"}, {"bn"}}},
  };
  for (const Named& named : cases) {
    const LayerPlace expected = place_in(named);
    const LayerPlace place = place_of(named.neighbours);
    EXPECT_EQ(place.surroundings.input_is_rectified, expected.surroundings.input_is_rectified) << named.layer;
    EXPECT_EQ(place.surroundings.input_from_batchnorm, expected.surroundings.input_from_batchnorm) << named.layer;
    EXPECT_EQ(place.surroundings.output_to_batchnorm, expected.surroundings.output_to_batchnorm) << named.layer;
    EXPECT_EQ(place.speculated, expected.speculated) << named.layer;
    EXPECT_EQ(place.has_shortcut, expected.has_shortcut) << named.layer;
  }
}

TEST(LayerPlace, MaximumOfRectifiedValuesIsRectified) {
  const Surroundings surroundings = place_of({{"bn", "relu", "maxpool"}, {"maxpool"}}).surroundings;
  EXPECT_TRUE(surroundings.input_is_rectified);
  EXPECT_FALSE(surroundings.input_from_batchnorm) << "the pooling needs BN's output in memory";
  EXPECT_FALSE(surroundings.output_to_batchnorm);
}

TEST(LayerPlace, UnknownNeighbour) {
  EXPECT_THAT(
      [] {
        place_of({{"rely"}, {}});
      },
      testing::ThrowsMessage<UsageError>("--before: there is no layer 'rely' (did you mean 'relu'?); choose bn, "
                                         "relu, add, maxpool"));
  EXPECT_THAT(
      [] {
        place_of({{}, {"softmax"}});
      },
      testing::ThrowsMessage<UsageError>(testing::HasSubstr("--after: there is no layer 'softmax'; choose")));
}

}  // namespace
}  // namespace trainer
