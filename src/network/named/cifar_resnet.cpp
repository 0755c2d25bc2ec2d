#include <fmt/format.h>

#include <array>
#include <memory>

#include "network/layers/option_a_shortcut.h"
#include "network/named/build.h"

namespace trainer::named {
namespace {

constexpr std::array<int64_t, 3> kStageChannels = {16, 32, 64};

}  // namespace

Network cifar_resnet(const ModelRequest& request, std::span<const int64_t> blocks) {
  Network network;
  Point point{Network::kInput, request.images.c};
  point = convolution_bn(network, "conv1", "bn1", point, scaled_channels(kStageChannels[0], request.width), 3, 1);
  point = relu(network, "relu", point);
  for (size_t stage = 0; stage < blocks.size(); ++stage) {
    const int64_t channels = scaled_channels(kStageChannels[stage], request.width);
    for (int64_t i = 0; i < blocks[stage]; ++i) {
      const std::string block = fmt::format("layer{}.{}", stage + 1, i);
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const Point branch = basic_branch(network, block, point, channels, stride);
      Point shortcut = point;
      if (stride != 1 || point.channels != channels) {
        const layers::OptionAOptions options{channels, stride};
        shortcut = {network.add(block + ".shortcut", std::make_unique<layers::OptionAShortcut>(options), {point.node}),
                    channels};
      }
      point = join(network, block, branch, shortcut);
    }
  }
  classifier(network, "linear", point, request.classes);
  return network;
}

}  // namespace trainer::named
