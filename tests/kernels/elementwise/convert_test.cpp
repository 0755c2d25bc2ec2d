#include "kernels/elementwise/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "kernels/elementwise/add.h"
#include "kernels/operations_support.h"

namespace trainer {
namespace {

Half half_at(const Tensor& tensor, int64_t i) { return tensor.elements().as<Half>()[i]; }

/// Values of all magnitudes that FP16 has, and some it has not.
Tensor values_of_every_kind(int64_t count, uint64_t seed) {
  Random random(seed);
  Tensor values({1, count, 1, 1});
  for (float& value : values.values()) {
    value = std::ldexp(random.normal(), static_cast<int>(random.below(44)) - 27);
  }
  if (count > 4) {
    values.data()[0] = std::numeric_limits<float>::infinity();
    values.data()[1] = -0.0F;
    values.data()[2] = std::numeric_limits<float>::denorm_min();
    values.data()[3] = std::numeric_limits<float>::quiet_NaN();
  }
  return values;
}

void expect_bits_of_one_by_one(int64_t count, const std::string& target) {
  const Tensor floats = values_of_every_kind(count, 3);
  Tensor halves(floats.shape(), Format::fp16);
  convert(floats, halves);
  Tensor back(floats.shape());
  convert(halves, back);
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(floats.data()[i])) {
      EXPECT_TRUE(std::isnan(to_float(half_at(halves, i)))) << target << " " << i;
      EXPECT_TRUE(std::isnan(back.data()[i])) << target << " " << i;
      continue;
    }
    ASSERT_EQ(half_at(halves, i).bits, to_half(floats.data()[i]).bits) << target << " " << floats.data()[i];
    ASSERT_EQ(back.data()[i], to_float(half_at(halves, i))) << target << " " << i;
  }
}

TEST(Convert, VectorsGiveTheBitsOfOneByOneOnEveryTarget) {
  testing_support::for_each_highway_target([](const std::string& target) {
    for (const int64_t count : {1, 2, 3, 7, 8, 15, 16, 17, 33, 1000, 70001}) {
      expect_bits_of_one_by_one(count, target);
    }
  });
}

TEST(Convert, OfOneFormatCopies) {
  const Tensor floats = values_of_every_kind(300001, 5);
  Tensor copy(floats.shape());
  convert(floats, copy);
  EXPECT_EQ(std::memcmp(copy.data(), floats.data(), static_cast<size_t>(floats.bytes())), 0);
}

TEST(Convert, HalvesAreAddedInFloatsAndRoundedOnce) {
  const Tensor a = values_of_every_kind(4097, 7);
  const Tensor b = values_of_every_kind(4097, 8);
  Tensor A(a.shape(), Format::fp16);
  Tensor B(a.shape(), Format::fp16);
  convert(a, A);
  convert(b, B);
  for (const KernelPath path : {KernelPath::reference, KernelPath::highway, KernelPath::onednn}) {
    Tensor Y(a.shape(), Format::fp16);
    add(path, A, B, Y);
    for (int64_t i = 4; i < Y.size(); ++i) {
      ASSERT_EQ(half_at(Y, i).bits, to_half(to_float(half_at(A, i)) + to_float(half_at(B, i))).bits) << i;
    }
  }
}

}  // namespace
}  // namespace trainer
