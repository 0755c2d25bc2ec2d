#include "speculation/small_updates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/half.h"

namespace trainer {
namespace {

TEST(HalfUnit, IsHalfTheDistanceToTheNextValue) {
  for (const float value : {1.0F, 1.75F, -0.0123F, 600.0F, 0x1p-14F}) {
    const Half stored = to_half(std::fabs(value));
    Half next = stored;
    ++next.bits;
    EXPECT_EQ(half_unit(to_float(stored), Format::fp16), (to_float(next) - to_float(stored)) / 2) << value;
    const float up = std::nextafter(std::fabs(value), 1e30F);
    EXPECT_EQ(half_unit(value, Format::fp32), (up - std::fabs(value)) / 2) << value;
  }
  EXPECT_EQ(half_unit(0x1p-20F, Format::fp16), 0x1p-25F);
  EXPECT_EQ(half_unit(0, Format::fp16), 0x1p-25F);
}

TEST(SmallUpdates, LeavesOutWhatWouldBeRoundedAwayAndCountsIt) {
  Parameter weight = make_parameter("weight", {1, 4}, true);
  Parameter bias = make_parameter("bias", {1}, false);
  weight.value = {1.0F, 1.0F, -2.0F, 0.5F};
  bias.value = {1.0F};
  const std::vector<Parameter*> parameters = {&weight, &bias};
  SmallUpdates small(Format::fp16);
  small.remember(parameters);
  weight.value = {1.0F + 0x1p-12F, 1.0F + 0x1p-11F, -2.0F - 0x1p-12F, 0.5F};
  bias.value = {1.0F + 0x1p-20F};
  const SmallUpdates::Counts counts = small.leave_out(parameters);
  EXPECT_EQ(counts.updates, 3);
  EXPECT_EQ(counts.left_out, 2);
  EXPECT_EQ(weight.value[0], 1.0F);
  EXPECT_EQ(weight.value[1], 1.0F + 0x1p-11F);
  EXPECT_EQ(weight.value[2], -2.0F);
  EXPECT_EQ(weight.value[3], 0.5F);
  EXPECT_EQ(bias.value[0], 1.0F + 0x1p-20F);
}

TEST(SmallUpdates, FollowsWeightsThatBecomeFewer) {
  Parameter weight = make_parameter("weight", {1, 2}, true);
  weight.value = {1.0F, 1.0F};
  const std::vector<Parameter*> parameters = {&weight};
  SmallUpdates small(Format::fp16);
  small.remember(parameters);
  weight.pattern = Pattern::from_mask(1, 2, std::vector<uint8_t>{0, 1});
  weight.value = {4.0F};
  small.remember(parameters);
  weight.value = {4.0F + 0x1p-12F};
  EXPECT_EQ(small.leave_out(parameters).left_out, 1);
  EXPECT_EQ(weight.value[0], 4.0F);
}

}  // namespace
}  // namespace trainer
