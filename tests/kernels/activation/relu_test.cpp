#include "kernels/activation/relu.h"

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

/// Values are equal, not close; expect_near with no tolerance lets +0 equal -0.
void expect_equal_to_reference(KernelPath path, const std::string& name) {
  Random random(1);
  for (const Shape& shape : awkward_shapes()) {
    const std::string context = name + " " + to_string(shape);
    const Tensor Y = random_tensor(shape, random);
    Tensor expected(shape);
    relu_feedforward(KernelPath::reference, Y, expected);
    Tensor A(shape);
    relu_feedforward(path, Y, A);
    expect_near(A.values(), expected.values(), 0, 0, context);

    const Tensor dA = random_tensor(shape, random);
    Tensor expected_gradient(shape);
    relu_backpropagate(KernelPath::reference, expected, dA, expected_gradient);
    Tensor dY(shape);
    relu_backpropagate(path, A, dA, dY);
    expect_near(dY.values(), expected_gradient.values(), 0, 0, context + " BP");
  }
}

TEST(Relu, KeepsPositiveValuesAndTheirGradients) {
  for (const KernelPath path : kAllPaths) {
    const Shape shape{.n = 4, .c = 1};
    Tensor Y(shape);
    const float y[] = {-1, 0, 0.5F, 3};
    std::copy_n(y, 4, Y.data());
    Tensor A(shape);
    relu_feedforward(path, Y, A);
    const float a[] = {0, 0, 0.5F, 3};
    expect_near(A.values(), a, 0, 0, std::string(to_string(path)));

    Tensor dA(shape);
    dA.fill(7);
    Tensor dY(shape);
    relu_backpropagate(path, A, dA, dY);
    const float dy[] = {0, 0, 7, 7};  // no gradient at 0 itself
    expect_near(dY.values(), dy, 0, 0, std::string(to_string(path)));
  }
}

TEST(Relu, HighwayEqualsReferenceOnEveryTarget) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { expect_equal_to_reference(KernelPath::highway, target); });
}

TEST(Relu, OneDnnEqualsReference) { expect_equal_to_reference(KernelPath::onednn, "onednn"); }

TEST(Relu, MayWorkInPlace) {
  Random random(2);
  const Shape shape{.n = 17, .c = 5, .h = 29, .w = 31};
  for (const KernelPath path : kAllPaths) {
    const Tensor Y = random_tensor(shape, random);
    const Tensor dA = random_tensor(shape, random);
    Tensor A(shape);
    relu_feedforward(path, Y, A);
    Tensor dY(shape);
    relu_backpropagate(path, A, dA, dY);

    Tensor in_place = Y.clone();
    relu_feedforward(path, in_place, in_place);
    expect_near(in_place.values(), A.values(), 0, 0, std::string(to_string(path)));
    Tensor gradient_in_place = dA.clone();
    relu_backpropagate(path, A, gradient_in_place, gradient_in_place);
    expect_near(gradient_in_place.values(), dY.values(), 0, 0, fmt::format("{} BP", to_string(path)));
  }
}

TEST(Relu, ShowsNaN) {
  testing_support::for_each_highway_target([](const std::string& target) {
    for (const KernelPath path : {KernelPath::reference, KernelPath::highway}) {
      Tensor Y(Shape{.n = 19, .c = 1});
      Y.fill(std::numeric_limits<float>::quiet_NaN());
      relu_feedforward(path, Y, Y);
      for (const float value : Y.values()) {
        EXPECT_TRUE(std::isnan(value)) << target;
      }
    }
  });
}

TEST(Relu, SameForAnyThreads) {
  Random random(3);
  const Shape shape{.n = 64, .c = 7, .h = 20, .w = 20};
  const Tensor Y = random_tensor(shape, random);
  const Tensor dA = random_tensor(shape, random);
  for (const KernelPath path : kAllPaths) {
    testing_support::expect_same_for_any_threads(
        [&] {
          Tensor A(shape);
          Tensor dY(shape);
          relu_feedforward(path, Y, A);
          relu_backpropagate(path, A, dA, dY);
          std::vector<float> result;
          append(result, A.values());
          append(result, dY.values());
          return result;
        },
        std::string(to_string(path)));
  }
}

TEST(Relu, RefusesAutomatic) {
  Tensor A(Shape{.n = 1, .c = 1});
  EXPECT_THROW(relu_feedforward(KernelPath::automatic, A, A), std::invalid_argument);
  EXPECT_THROW(relu_backpropagate(KernelPath::automatic, A, A, A), std::invalid_argument);
}

}  // namespace
}  // namespace trainer
