#include "kernels/elementwise/add.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kernels/operations_support.h"

namespace trainer {
namespace {

using testing_support::append;
using testing_support::awkward_shapes;
using testing_support::expect_same_bits;
using testing_support::kAllPaths;
using testing_support::random_tensor;

void expect_equal_to_reference(KernelPath path, const std::string& name) {
  Random random(1);
  for (const Shape& shape : awkward_shapes()) {
    const Tensor A = random_tensor(shape, random);
    const Tensor B = random_tensor(shape, random);
    Tensor expected(shape);
    add(KernelPath::reference, A, B, expected);
    Tensor Y(shape);
    add(path, A, B, Y);
    expect_same_bits(Y.values(), expected.values(), name + " " + to_string(shape));
  }
}

TEST(Add, AddsOneByOne) {
  for (const KernelPath path : kAllPaths) {
    Tensor A(Shape{.n = 1, .c = 1, .h = 1, .w = 3});
    Tensor B(A.shape());
    Tensor Y(A.shape());
    const float a[] = {1, -2, 0.5F};
    const float b[] = {10, 2, 0.25F};
    std::copy_n(a, 3, A.data());
    std::copy_n(b, 3, B.data());
    add(path, A, B, Y);
    EXPECT_EQ(Y.data()[0], 11) << to_string(path);     // 1 + 10
    EXPECT_EQ(Y.data()[1], 0) << to_string(path);      // -2 + 2
    EXPECT_EQ(Y.data()[2], 0.75F) << to_string(path);  // 0.5 + 0.25
  }
}

TEST(Add, HighwayEqualsReferenceOnEveryTarget) {
  testing_support::for_each_highway_target(
      [](const std::string& target) { expect_equal_to_reference(KernelPath::highway, target); });
}

TEST(Add, OneDnnEqualsReference) { expect_equal_to_reference(KernelPath::onednn, "onednn"); }

TEST(Add, MayOverwriteEitherOrBothOperands) {
  Random random(2);
  const Shape shape{.n = 17, .c = 5, .h = 29, .w = 31};
  for (const KernelPath path : kAllPaths) {
    const Tensor A = random_tensor(shape, random);
    const Tensor B = random_tensor(shape, random);
    Tensor expected(shape);
    add(KernelPath::reference, A, B, expected);
    Tensor over_a = A.clone();
    add(path, over_a, B, over_a);
    expect_same_bits(over_a.values(), expected.values(), fmt::format("{} Y = A", to_string(path)));
    Tensor over_b = B.clone();
    add(path, A, over_b, over_b);
    expect_same_bits(over_b.values(), expected.values(), fmt::format("{} Y = B", to_string(path)));
    Tensor twice(shape);
    add(KernelPath::reference, A, A, twice);
    Tensor over_both = A.clone();
    add(path, over_both, over_both, over_both);
    expect_same_bits(over_both.values(), twice.values(), fmt::format("{} Y = A = B", to_string(path)));
  }
}

TEST(Add, SameForAnyThreads) {
  Random random(3);
  const Shape shape{.n = 64, .c = 7, .h = 20, .w = 20};
  const Tensor A = random_tensor(shape, random);
  const Tensor B = random_tensor(shape, random);
  for (const KernelPath path : kAllPaths) {
    testing_support::expect_same_for_any_threads(
        [&] {
          Tensor Y(shape);
          add(path, A, B, Y);
          std::vector<float> result;
          append(result, Y.values());
          return result;
        },
        std::string(to_string(path)));
  }
}

TEST(Add, RefusesAutomatic) {
  Tensor A(Shape{.n = 1, .c = 1});
  EXPECT_THROW(add(KernelPath::automatic, A, A, A), std::invalid_argument);
}

}  // namespace
}  // namespace trainer
