#pragma once

#include <memory>
#include <string>

#include "network/layers/add.h"
#include "network/layers/batchnorm.h"
#include "network/layers/convolution.h"
#include "network/layers/linear.h"
#include "network/layers/pooling.h"
#include "network/layers/relu.h"
#include "network/network.h"

namespace trainer::test {

// Short ways to add a layer in tests; all convolutions keep the image's size.

inline int convolution(Network& network, const std::string& name, int input, int64_t from, int64_t to,
                       int64_t kernel = 3, bool bias = false) {
  layers::ConvolutionOptions options;
  options.in_channels = from;
  options.out_channels = to;
  options.kernel_h = kernel;
  options.kernel_w = kernel;
  options.padding = kernel / 2;
  options.bias = bias;
  return network.add(name, std::make_unique<layers::Convolution>(options), {input});
}

inline int batchnorm(Network& network, const std::string& name, int input, int64_t channels) {
  layers::BatchNormOptions options;
  options.channels = channels;
  return network.add(name, std::make_unique<layers::BatchNorm>(options), {input});
}

inline int relu(Network& network, const std::string& name, int input) {
  return network.add(name, std::make_unique<layers::Relu>(), {input});
}

inline int add(Network& network, const std::string& name, int a, int b) {
  return network.add(name, std::make_unique<layers::Add>(), {a, b});
}

inline int global_average(Network& network, const std::string& name, int input) {
  layers::PoolingOptions options;
  options.kind = PoolingKind::average;
  options.global = true;
  return network.add(name, std::make_unique<layers::Pooling>(options), {input});
}

inline int linear(Network& network, const std::string& name, int input, int64_t from, int64_t to) {
  return network.add(name, std::make_unique<layers::Linear>(layers::LinearOptions{from, to}), {input});
}

}  // namespace trainer::test
