#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "network/layers/convolution.h"
#include "network/named/models.h"
#include "network/network.h"

namespace trainer::named {

/// Pixels: the strides and stems of wider images are ImageNet's.
inline constexpr int64_t kWidestSmallImage = 64;

/// A channel count of the original network times the width factor, rounded to a multiple of 4, at least 4.
int64_t scaled_channels(int64_t channels, double width);

/// A node and the channels of its output.
struct Point {
  int node = Network::kInput;
  int64_t channels = 0;
};

/// Convolution without bias, padded so that stride 1 keeps the image's size; `kernel` is odd.
layers::ConvolutionOptions square_convolution(int64_t in_channels, int64_t out_channels, int64_t kernel,
                                              int64_t stride);

/// convolution -> BN.
Point convolution_bn(Network& network, const std::string& convolution_name, const std::string& bn_name, Point input,
                     int64_t channels, int64_t kernel, int64_t stride);
Point relu(Network& network, const std::string& name, Point input);

/// The residual branch of a basic block: two 3x3 convolutions, `block`.conv1 (with the stride) to `block`.bn2.
Point basic_branch(Network& network, const std::string& block, Point input, int64_t channels, int64_t stride);
/// The sum of a branch and its shortcut, and the ReLU after it.
Point join(Network& network, const std::string& block, Point branch, Point shortcut);

/// Global average pooling and the classifier called `linear_name`.
void classifier(Network& network, const std::string& linear_name, Point input, int64_t classes);

/// He et al. 2016 with torchvision's names; four stages of `blocks` basic blocks, 64 to 512 channels, projection
/// shortcuts. Images at most 64 pixels wide get the CIFAR stem (3x3, stride 1, no pooling), others the ImageNet stem.
Network resnet(const ModelRequest& request, std::span<const int64_t> blocks);
/// He et al. 2016, section 4.2: three stages of `blocks` basic blocks, 16 to 64 channels, option-A shortcuts.
Network cifar_resnet(const ModelRequest& request, std::span<const int64_t> blocks);
/// Sandler et al. 2018 with torchvision's names, without its dropout: seven stages of `blocks` inverted residuals.
/// Images at most 64 pixels wide get stride 1 in the stem and the second stage, others the ImageNet strides.
Network mobilenet_v2(const ModelRequest& request, std::span<const int64_t> blocks);

}  // namespace trainer::named
