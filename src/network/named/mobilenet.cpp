#include <fmt/format.h>

#include <array>
#include <memory>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/clipped_relu.h"
#include "network/named/build.h"

namespace trainer::named {
namespace {

constexpr int64_t kStemChannels = 32;
constexpr int64_t kLastChannels = 1280;

/// Sandler et al. 2018, table 2. `small_stride` is that of small images: 32 pixels then end at 4, as 224 end at 7.
struct Stage {
  int64_t expansion;
  int64_t channels;
  int64_t stride;
  int64_t small_stride;
};
constexpr std::array<Stage, 7> kStages = {{
    {1, 16, 1, 1},
    {6, 24, 2, 1},
    {6, 32, 2, 2},
    {6, 64, 2, 2},
    {6, 96, 1, 1},
    {6, 160, 2, 2},
    {6, 320, 1, 1},
}};

Point relu6(Network& network, const std::string& name, Point input) {
  constexpr float kCeiling = 6;
  return {network.add(name, std::make_unique<layers::ClippedRelu>(kCeiling), {input.node}), input.channels};
}

/// Convolution, BN and ReLU6 as numbers 0, 1 and 2 of the module `name`.
Point convolution_bn_relu6(Network& network, const std::string& name, Point input, int64_t channels, int64_t kernel,
                           int64_t stride) {
  return relu6(network, name + ".2",
               convolution_bn(network, name + ".0", name + ".1", input, channels, kernel, stride));
}

Point depthwise_bn_relu6(Network& network, const std::string& name, Point input, int64_t stride) {
  layers::ConvolutionOptions options = square_convolution(input.channels, input.channels, 3, stride);
  options.groups = input.channels;
  const int convolution = network.add(name + ".0", std::make_unique<layers::Convolution>(options), {input.node});
  layers::BatchNormOptions bn;
  bn.channels = input.channels;
  const int normalised = network.add(name + ".1", std::make_unique<layers::BatchNorm>(bn), {convolution});
  return relu6(network, name + ".2", {normalised, input.channels});
}

/// 1x1 expansion (left out where it would expand by 1), 3x3 depthwise convolution, linear 1x1 projection; a shortcut
/// where the shapes allow it.
Point inverted_residual(Network& network, const std::string& name, Point input, int64_t expansion, int64_t channels,
                        int64_t stride) {
  int part = 0;
  const auto next = [&] { return fmt::format("{}.conv.{}", name, part++); };
  Point point = input;
  if (expansion != 1) {
    point = convolution_bn_relu6(network, next(), point, input.channels * expansion, 1, 1);
  }
  point = depthwise_bn_relu6(network, next(), point, stride);
  const std::string projection = next();
  point = convolution_bn(network, projection, next(), point, channels, 1, 1);
  if (stride == 1 && input.channels == channels) {
    point.node = network.add(name + ".add", std::make_unique<layers::Add>(), {input.node, point.node});
  }
  return point;
}

}  // namespace

Network mobilenet_v2(const ModelRequest& request, std::span<const int64_t> blocks) {
  const bool small = request.images.w <= kWidestSmallImage;
  Network network;
  int feature = 0;
  const auto next = [&] { return fmt::format("features.{}", feature++); };
  Point point{Network::kInput, request.images.c};
  point = convolution_bn_relu6(network, next(), point, scaled_channels(kStemChannels, request.width), 3, small ? 1 : 2);
  for (size_t stage = 0; stage < blocks.size(); ++stage) {
    const Stage& s = kStages[stage];
    const int64_t channels = scaled_channels(s.channels, request.width);
    for (int64_t i = 0; i < blocks[stage]; ++i) {
      const int64_t stride = i > 0 ? 1 : (small ? s.small_stride : s.stride);
      point = inverted_residual(network, next(), point, s.expansion, channels, stride);
    }
  }
  point = convolution_bn_relu6(network, next(), point, scaled_channels(kLastChannels, request.width), 1, 1);
  classifier(network, "classifier.1", point, request.classes);
  return network;
}

}  // namespace trainer::named
