#include "kernels/elementwise/exponent_only.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "speculation/plain_estimate.h"

namespace trainer {
namespace {

constexpr float kSmallest = std::numeric_limits<float>::min();

TEST(ExponentOnly, KeepsSignAndExponent) {
  const std::vector<float> from = {1, 1.99F, 2, -0.3F, 0.25F, -1e-30F, 3e38F, 0, -0.0F, 1e-40F};
  std::vector<float> to(from.size());
  exponent_only(from, to, kSmallest);
  const float big = 1.5F * std::ldexp(1.0F, 127);
  const float small = -1.5F * std::ldexp(1.0F, -100);
  EXPECT_EQ(to, (std::vector<float>{1.5F, 1.5F, 3, -0.375F, 0.375F, small, big, 0, 0, 0}));
}

TEST(ExponentOnly, IsZeroForWhatIsSubnormal) {
  const float smallest = std::ldexp(1.0F, -14);  // binary16's
  const std::vector<float> from = {smallest, -smallest, std::nextafter(smallest, 0.0F), -0.75F * smallest, 0};
  std::vector<float> to(from.size());
  exponent_only(from, to, smallest);
  EXPECT_EQ(to, (std::vector<float>{1.5F * smallest, -1.5F * smallest, 0, 0, 0}));
}

TEST(ExponentOnly, ShowsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  exponent_only(values, values, kSmallest);
  for (const float value : values) {
    EXPECT_TRUE(std::isnan(value));
  }
}

TEST(ExponentOnly, IsThePlainLoopForAnyLength) {
  for (const int64_t size : {1, 7, 16, 100, 70000}) {
    Random random(1);
    std::vector<float> from(static_cast<size_t>(size));
    std::ranges::generate(from, [&random] { return random.normal(); });
    std::vector<float> to(from.size());
    exponent_only(from, to, kSmallest);
    for (size_t i = 0; i < to.size(); ++i) {
      ASSERT_EQ(to[i], test::exponent_only(from[i])) << i << " of " << size;
    }
  }
}

}  // namespace
}  // namespace trainer
