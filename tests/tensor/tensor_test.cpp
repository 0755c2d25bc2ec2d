#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace trainer {
namespace {

TEST(Tensor, BatchIsInnermostThenColumns) {
  Tensor tensor(Shape{.n = 2, .c = 3, .h = 4, .w = 5});
  EXPECT_EQ(&tensor.at(1, 0, 0, 0) - tensor.data(), 1);
  EXPECT_EQ(&tensor.at(0, 0, 0, 1) - tensor.data(), 2);
  EXPECT_EQ(&tensor.at(0, 0, 1, 0) - tensor.data(), 2 * 5);
  EXPECT_EQ(&tensor.at(0, 1, 0, 0) - tensor.data(), 2 * 5 * 4);
  EXPECT_EQ(tensor.channel(2), &tensor.at(0, 2, 0, 0));
}

TEST(Tensor, StartsAtZeroAndAligned) {
  const Tensor tensor(Shape{.n = 3, .c = 7});
  for (const float value : tensor.values()) {
    EXPECT_EQ(value, 0.0F);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % 64, 0U);
}

TEST(Tensor, CopiesShareClonesDoNot) {
  Tensor tensor(Shape{.n = 1, .c = 2});
  Tensor shared = tensor;
  const Tensor separate = tensor.clone();
  shared.at(0, 1, 0, 0) = 5;
  EXPECT_EQ(tensor.at(0, 1, 0, 0), 5);
  EXPECT_EQ(separate.at(0, 1, 0, 0), 0);
}

TEST(Tensor, FlatteningMovesNothing) {
  Tensor tensor(Shape{.n = 2, .c = 2, .h = 2, .w = 2});
  tensor.at(1, 1, 0, 1) = 3;
  const Tensor flat = tensor.reshaped(Shape{.n = 2, .c = 8});
  EXPECT_EQ(flat.at(1, 1 * 4 + 0 * 2 + 1, 0, 0), 3);
  EXPECT_EQ(to_string(flat.shape()), "2x8x1x1");
}

}  // namespace
}  // namespace trainer
