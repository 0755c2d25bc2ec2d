#include "tensor/bitmap.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/parallel.h"
#include "base/random.h"

namespace trainer {
namespace {

Tensor random_tensor(const Shape& shape, uint64_t seed) {
  Tensor tensor(shape);
  Random random(seed);
  for (float& value : tensor.values()) {
    value = random.uniform() < 0.4F ? 0.0F : random.normal();
  }
  return tensor;
}

void expect_equal(const Tensor& tensor, const Bitmap& bitmap) {
  const Shape& shape = tensor.shape();
  const int64_t halo = bitmap.halo();
  for (int64_t c = 0; c < shape.c; ++c) {
    int64_t nonzeros = 0;
    for (int64_t y = -halo; y < shape.h + halo; ++y) {
      for (int64_t x = -halo; x < shape.w + halo; ++x) {
        const bool inside = y >= 0 && y < shape.h && x >= 0 && x < shape.w;
        for (int64_t n = 0; n < bitmap.batch_bytes() * 8; ++n) {
          const bool expected = inside && n < shape.n && tensor.at(n, c, y, x) != 0;
          ASSERT_EQ(bitmap.bit(n, c, y, x), expected) << "n" << n << " c" << c << " y" << y << " x" << x;
          nonzeros += expected ? 1 : 0;
        }
      }
    }
    EXPECT_EQ(bitmap.channel_nonzeros()[static_cast<size_t>(c)], nonzeros);
  }
}

TEST(Bitmap, EveryBitOfEveryLayout) {
  uint64_t seed = 1;
  for (const int64_t n : {1, 3, 8, 13, 16, 64, 71}) {
    for (const int64_t stride : {1, 2, 3}) {
      for (const int64_t halo : {0, 1, 3}) {
        const Tensor tensor = random_tensor({n, 3, 5, 7}, seed++);
        Bitmap bitmap;
        bitmap.assign(tensor, halo, stride);
        expect_equal(tensor, bitmap);
      }
    }
  }
}

// What training skipped, as step hooks are shown it, against the zeros of a tensor.
TEST(Bitmap, ComplementOfPackedBits) {
  Bitmap bitmap;  // reused: nothing of the shape before must stay
  for (const Shape& shape : {Shape{13, 3, 5, 7}, Shape{8, 2, 3, 3}, Shape{64, 2, 1, 2}, Shape{1, 4, 9, 9}}) {
    const Tensor kept = random_tensor(shape, static_cast<uint64_t>(shape.size()));
    const int64_t words = (shape.channel_size() + 63) / 64 + 1;  // one more than needed
    std::vector<uint64_t> skipped(static_cast<size_t>(shape.c * words));
    for (int64_t c = 0; c < shape.c; ++c) {
      for (int64_t i = 0; i < shape.channel_size(); ++i) {
        skipped[static_cast<size_t>(c * words + i / 64)] |= uint64_t{kept.channel(c)[i] == 0 ? 1U : 0U} << (i % 64);
      }
    }
    bitmap.assign_complement(shape, skipped, words);
    EXPECT_EQ(bitmap.halo(), 0);
    EXPECT_EQ(bitmap.stride(), 1);
    EXPECT_EQ(bitmap.shape(), shape);
    expect_equal(kept, bitmap);
  }
}

TEST(Bitmap, ReuseLeavesNothingBehind) {
  Bitmap bitmap;
  Tensor ones({9, 2, 4, 4});
  ones.fill(1);
  bitmap.assign(ones, 1, 2);
  const Tensor sparse = random_tensor({9, 2, 4, 4}, 7);
  bitmap.assign(sparse, 1, 2);
  expect_equal(sparse, bitmap);
  const Tensor smaller = random_tensor({8, 1, 3, 2}, 8);
  bitmap.assign(smaller, 2, 1);
  expect_equal(smaller, bitmap);
}

TEST(Bitmap, SpecialValues) {
  Tensor tensor({24, 1, 1, 1});
  const std::vector<float> zero = {0.0F, -0.0F};
  const std::vector<float> nonzero = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                                      std::numeric_limits<float>::infinity(), std::numeric_limits<float>::denorm_min(),
                                      -std::numeric_limits<float>::denorm_min()};
  // Once among values that a vector handles and once in the tail.
  for (int64_t first : {0, 17}) {
    for (size_t i = 0; i < zero.size(); ++i) {
      tensor.data()[first + static_cast<int64_t>(i)] = zero[i];
    }
    for (size_t i = 0; i < nonzero.size(); ++i) {
      tensor.data()[first + static_cast<int64_t>(zero.size() + i)] = nonzero[i];
    }
  }
  Bitmap bitmap;
  bitmap.assign(tensor, 0, 1);
  for (int64_t first : {0, 17}) {
    for (int64_t i = 0; i < 7; ++i) {
      EXPECT_EQ(bitmap.bit(first + i, 0, 0, 0), i >= 2) << first + i;
    }
  }
  EXPECT_EQ(bitmap.nonzeros(), 10);
}

TEST(Bitmap, PixelsOfOneStridePhaseAreNeighbours) {
  const Tensor tensor = random_tensor({16, 2, 6, 9}, 3);
  Bitmap bitmap;
  bitmap.assign(tensor, 1, 2);
  for (int64_t x = -1; x + 2 < 9; ++x) {
    EXPECT_EQ(bitmap.window(1, 2, x + 2) - bitmap.window(1, 2, x), bitmap.batch_bytes());
  }
}

TEST(Bitmap, SameForAnyNumberOfThreads) {
  const Tensor tensor = random_tensor({20, 40, 30, 30}, 5);
  const int before = thread_count();
  set_thread_count(1);
  Bitmap one;
  one.assign(tensor, 1, 1);
  set_thread_count(4);
  Bitmap four;
  four.assign(tensor, 1, 1);
  set_thread_count(before);
  EXPECT_TRUE(std::equal(one.window(0, -1, -1), one.window(39, 30, 30), four.window(0, -1, -1)));
  EXPECT_TRUE(std::ranges::equal(one.channel_nonzeros(), four.channel_nonzeros()));
}

}  // namespace
}  // namespace trainer
