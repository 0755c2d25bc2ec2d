#include <fmt/format.h>

#include <array>
#include <memory>

#include "network/layers/pooling.h"
#include "network/named/build.h"

namespace trainer::named {
namespace {

constexpr std::array<int64_t, 4> kImageNetStageChannels = {64, 128, 256, 512};

Point stem(Network& network, const ModelRequest& request) {
  const bool small = request.images.w <= kWidestSmallImage;
  Point point{Network::kInput, request.images.c};
  point = convolution_bn(network, "conv1", "bn1", point, scaled_channels(kImageNetStageChannels[0], request.width),
                         small ? 3 : 7, small ? 1 : 2);
  point = relu(network, "relu", point);
  if (!small) {
    layers::PoolingOptions pooling;
    pooling.window_h = 3;
    pooling.window_w = 3;
    pooling.stride = 2;
    pooling.padding = 1;
    point.node = network.add("maxpool", std::make_unique<layers::Pooling>(pooling), {point.node});
  }
  return point;
}

}  // namespace

Network resnet(const ModelRequest& request, std::span<const int64_t> blocks) {
  Network network;
  Point point = stem(network, request);
  for (size_t stage = 0; stage < blocks.size(); ++stage) {
    const int64_t channels = scaled_channels(kImageNetStageChannels[stage], request.width);
    for (int64_t i = 0; i < blocks[stage]; ++i) {
      const std::string block = fmt::format("layer{}.{}", stage + 1, i);
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const Point branch = basic_branch(network, block, point, channels, stride);
      Point shortcut = point;
      if (stride != 1 || point.channels != channels) {
        shortcut =
            convolution_bn(network, block + ".downsample.0", block + ".downsample.1", point, channels, 1, stride);
      }
      point = join(network, block, branch, shortcut);
    }
  }
  classifier(network, "fc", point, request.classes);
  return network;
}

}  // namespace trainer::named
