#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/convolution/convolution.h"

namespace trainer {
namespace {

using ::testing::ElementsAre;

class ConvolutionByHand : public ::testing::TestWithParam<KernelPath> {};

Tensor tensor(Shape shape, const std::vector<float>& values) {
  Tensor result(shape);
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

// One channel, one row: X = 1 2 3 4 5, W = 10 . 1 (the middle weight is pruned), padding 1, stride 2.
TEST_P(ConvolutionByHand, OneRowWithAPrunedWeight) {
  const ConvolutionGeometry geometry{.h = 1, .w = 5, .s = 3, .stride = 2, .padding = 1};
  const ConvolutionGeometry padded = [&] {
    ConvolutionGeometry g = geometry;
    g.r = 3;  // rows -1 and 1 of the kernel only ever meet padding
    return g;
  }();
  ASSERT_EQ(padded.p(), 1);
  ASSERT_EQ(padded.q(), 3);
  const auto pattern = Pattern::from_mask(1, 9, std::vector<uint8_t>{1, 0, 0, 1, 0, 1, 0, 0, 0});
  const std::vector<float> W = {100, 10, 1};
  const auto convolution = make_convolution(GetParam(), padded);

  Tensor Z(padded.output());
  convolution->feedforward(tensor(padded.input(), {1, 2, 3, 4, 5}), {pattern, W}, Z);
  // z0 = 10*0 + 1*2, z1 = 10*2 + 1*4, z2 = 10*4 + 1*0
  EXPECT_THAT(Z.values(), ElementsAre(2, 24, 40));

  Tensor dX(padded.input());
  const Tensor dZ = tensor(padded.output(), {1, 2, 3});
  convolution->backpropagate(dZ, {pattern, W}, dX, false);
  // x1 meets 1 in z0 and 10 in z1: 1*1 + 10*2; x3 meets 1 in z1 and 10 in z2: 1*2 + 10*3; the others meet none
  EXPECT_THAT(dX.values(), ElementsAre(0, 21, 0, 32, 0));
  convolution->backpropagate(dZ, {pattern, W}, dX, true);
  EXPECT_THAT(dX.values(), ElementsAre(0, 42, 0, 64, 0));

  std::vector<float> dW(3);
  convolution->weight_gradient(dZ, tensor(padded.input(), {1, 2, 3, 4, 5}), pattern, dW);
  // first weight meets padding only; left: 2*2 + 3*4; right: 1*2 + 2*4
  EXPECT_THAT(dW, ElementsAre(0, 16, 10));
}

// A linear layer of two images: Z = X * W transposed, W = [1 .; 2 3].
TEST_P(ConvolutionByHand, LinearLayer) {
  const ConvolutionGeometry geometry{.n = 2, .c = 2, .k = 2};
  const auto pattern = Pattern::from_mask(2, 2, std::vector<uint8_t>{1, 0, 1, 1});
  const std::vector<float> W = {1, 2, 3};
  const auto convolution = make_convolution(GetParam(), geometry);
  const Tensor X = tensor(geometry.input(), {5, 6, 7, 8});  // channel 0 of both images, then channel 1
  Tensor Z(geometry.output());
  convolution->feedforward(X, {pattern, W}, Z);
  EXPECT_THAT(Z.values(), ElementsAre(5, 6, 2 * 5 + 3 * 7, 2 * 6 + 3 * 8));
  const Tensor dZ = tensor(geometry.output(), {1, 2, 3, 4});
  Tensor dX(geometry.input());
  convolution->backpropagate(dZ, {pattern, W}, dX, false);
  EXPECT_THAT(dX.values(), ElementsAre(1 * 1 + 2 * 3, 1 * 2 + 2 * 4, 3 * 3, 3 * 4));
  std::vector<float> dW(3);
  convolution->weight_gradient(dZ, X, pattern, dW);
  EXPECT_THAT(dW, ElementsAre(1 * 5 + 2 * 6, 3 * 5 + 4 * 6, 3 * 7 + 4 * 8));
}

// Two groups that must not see each other's channels.
TEST_P(ConvolutionByHand, Groups) {
  const ConvolutionGeometry geometry{.c = 2, .w = 2, .k = 2, .groups = 2};
  const auto pattern = Pattern::full(2, 1);
  const std::vector<float> W = {3, 5};
  const auto convolution = make_convolution(GetParam(), geometry);
  Tensor Z(geometry.output());
  convolution->feedforward(tensor(geometry.input(), {1, 2, 10, 20}), {pattern, W}, Z);
  EXPECT_THAT(Z.values(), ElementsAre(3, 6, 50, 100));
}

INSTANTIATE_TEST_SUITE_P(Paths, ConvolutionByHand,
                         ::testing::Values(KernelPath::reference, KernelPath::highway, KernelPath::onednn),
                         [](const auto& path) { return std::string(to_string(path.param)); });

}  // namespace
}  // namespace trainer
