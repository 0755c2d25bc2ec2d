#include "kernels/clipped_relu/clipped_relu.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "kernels/operations_support.h"

namespace trainer {
namespace {

using testing_support::append;
using testing_support::awkward_shapes;
using testing_support::expect_near;
using testing_support::kAllPaths;
using testing_support::random_tensor;

constexpr float kCeiling = 1.25F;  // random values are on both sides of it

/// Values are equal, not close; expect_near with no tolerance lets +0 equal -0.
void expect_equal_to_reference(KernelPath path, const std::string& name) {
  Random random(1);
  for (const Shape& shape : awkward_shapes()) {
    const std::string context = name + " " + to_string(shape);
    const Tensor Y = random_tensor(shape, random);
    Tensor expected(shape);
    clipped_relu_feedforward(KernelPath::reference, kCeiling, Y, expected);
    Tensor A(shape);
    clipped_relu_feedforward(path, kCeiling, Y, A);
    expect_near(A.values(), expected.values(), 0, 0, context);

    const Tensor dA = random_tensor(shape, random);
    Tensor expected_gradient(shape);
    clipped_relu_backpropagate(KernelPath::reference, kCeiling, expected, dA, expected_gradient);
    Tensor dY(shape);
    clipped_relu_backpropagate(path, kCeiling, A, dA, dY);
    expect_near(dY.values(), expected_gradient.values(), 0, 0, context + " BP");
  }
}

TEST(ClippedRelu, ClipsAndHasNoGradientAtTheBounds) {
  for (const KernelPath path : kAllPaths) {
    const Shape shape{.n = 6, .c = 1};
    Tensor Y(shape);
    const float y[] = {-1, 0, 0.5F, 5.5F, 6, 7};
    std::copy_n(y, 6, Y.data());
    Tensor A(shape);
    clipped_relu_feedforward(path, 6, Y, A);
    const float a[] = {0, 0, 0.5F, 5.5F, 6, 6};
    expect_near(A.values(), a, 0, 0, std::string(to_string(path)));

    Tensor dA(shape);
    dA.fill(7);
    Tensor dY(shape);
    clipped_relu_backpropagate(path, 6, A, dA, dY);
    const float dy[] = {0, 0, 7, 7, 0, 0};
    expect_near(dY.values(), dy, 0, 0, std::string(to_string(path)));
  }
}

TEST(ClippedRelu, HighwayEqualsReferenceOnEveryTarget) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { expect_equal_to_reference(KernelPath::highway, target); });
}

TEST(ClippedRelu, OneDnnEqualsReference) { expect_equal_to_reference(KernelPath::onednn, "onednn"); }

TEST(ClippedRelu, MayWorkInPlace) {
  Random random(2);
  const Shape shape{.n = 17, .c = 5, .h = 29, .w = 31};
  for (const KernelPath path : kAllPaths) {
    const Tensor Y = random_tensor(shape, random);
    const Tensor dA = random_tensor(shape, random);
    Tensor A(shape);
    clipped_relu_feedforward(path, kCeiling, Y, A);
    Tensor dY(shape);
    clipped_relu_backpropagate(path, kCeiling, A, dA, dY);

    Tensor in_place = Y.clone();
    clipped_relu_feedforward(path, kCeiling, in_place, in_place);
    expect_near(in_place.values(), A.values(), 0, 0, std::string(to_string(path)));
    Tensor gradient_in_place = dA.clone();
    clipped_relu_backpropagate(path, kCeiling, A, gradient_in_place, gradient_in_place);
    expect_near(gradient_in_place.values(), dY.values(), 0, 0, fmt::format("{} BP", to_string(path)));
  }
}

TEST(ClippedRelu, ShowsNaN) {
  testing_support::for_each_highway_target([](const std::string& target) {
    for (const KernelPath path : {KernelPath::reference, KernelPath::highway}) {
      Tensor Y(Shape{.n = 19, .c = 1});
      Y.fill(std::numeric_limits<float>::quiet_NaN());
      clipped_relu_feedforward(path, kCeiling, Y, Y);
      for (const float value : Y.values()) {
        EXPECT_TRUE(std::isnan(value)) << target;
      }
    }
  });
}

TEST(ClippedRelu, SameForAnyThreads) {
  Random random(3);
  const Shape shape{.n = 64, .c = 7, .h = 20, .w = 20};
  const Tensor Y = random_tensor(shape, random);
  const Tensor dA = random_tensor(shape, random);
  for (const KernelPath path : kAllPaths) {
    testing_support::expect_same_for_any_threads(
        [&] {
          Tensor A(shape);
          Tensor dY(shape);
          clipped_relu_feedforward(path, kCeiling, Y, A);
          clipped_relu_backpropagate(path, kCeiling, A, dA, dY);
          std::vector<float> result;
          append(result, A.values());
          append(result, dY.values());
          return result;
        },
        std::string(to_string(path)));
  }
}

TEST(ClippedRelu, RefusesAutomatic) {
  Tensor A(Shape{.n = 1, .c = 1});
  EXPECT_THROW(clipped_relu_feedforward(KernelPath::automatic, kCeiling, A, A), std::invalid_argument);
  EXPECT_THROW(clipped_relu_backpropagate(KernelPath::automatic, kCeiling, A, A, A), std::invalid_argument);
}

}  // namespace
}  // namespace trainer
