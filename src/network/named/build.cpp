#include "network/named/build.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/linear.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"

namespace trainer::named {

int64_t scaled_channels(int64_t channels, double width) {
  return std::max<int64_t>(4, 4 * std::llround(static_cast<double>(channels) * width / 4));
}

layers::ConvolutionOptions square_convolution(int64_t in_channels, int64_t out_channels, int64_t kernel,
                                              int64_t stride) {
  layers::ConvolutionOptions options;
  options.in_channels = in_channels;
  options.out_channels = out_channels;
  options.kernel_h = kernel;
  options.kernel_w = kernel;
  options.stride = stride;
  options.padding = kernel / 2;
  return options;
}

Point convolution_bn(Network& network, const std::string& convolution_name, const std::string& bn_name, Point input,
                     int64_t channels, int64_t kernel, int64_t stride) {
  const int convolution =
      network.add(convolution_name,
                  std::make_unique<layers::Convolution>(square_convolution(input.channels, channels, kernel, stride)),
                  {input.node});
  layers::BatchNormOptions bn;
  bn.channels = channels;
  return {network.add(bn_name, std::make_unique<layers::BatchNorm>(bn), {convolution}), channels};
}

Point relu(Network& network, const std::string& name, Point input) {
  return {network.add(name, std::make_unique<layers::Relu>(), {input.node}), input.channels};
}

Point basic_branch(Network& network, const std::string& block, Point input, int64_t channels, int64_t stride) {
  Point point = convolution_bn(network, block + ".conv1", block + ".bn1", input, channels, 3, stride);
  point = relu(network, block + ".relu1", point);
  return convolution_bn(network, block + ".conv2", block + ".bn2", point, channels, 3, 1);
}

Point join(Network& network, const std::string& block, Point branch, Point shortcut) {
  const int sum = network.add(block + ".add", std::make_unique<layers::Add>(), {branch.node, shortcut.node});
  return relu(network, block + ".relu2", {sum, branch.channels});
}

void classifier(Network& network, const std::string& linear_name, Point input, int64_t classes) {
  layers::PoolingOptions pooling;
  pooling.kind = PoolingKind::average;
  pooling.global = true;
  const int features = network.add("avgpool", std::make_unique<layers::Pooling>(pooling), {input.node});
  layers::LinearOptions linear;
  linear.in_features = input.channels;
  linear.out_features = classes;
  network.add(linear_name, std::make_unique<layers::Linear>(linear), {features});
}

}  // namespace trainer::named
