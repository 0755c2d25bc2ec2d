#include "network/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace trainer {
namespace {

using Kind = Precision::Kind;

TEST(Precision, FollowsFromItsName) {
  EXPECT_EQ(parse_precision("fp32").kind, Kind::fp32);
  EXPECT_EQ(parse_precision("fp16").kind, Kind::fp16);
  EXPECT_EQ(parse_precision("fp16").storage(), Format::fp16);
  const Precision fp8 = parse_precision("fp8");
  EXPECT_EQ(fp8.kind, Kind::fp8);
  EXPECT_EQ(fp8.storage(), Format::fp32);
  EXPECT_EQ(fp8.forward, kE4M3);
  EXPECT_EQ(fp8.gradient, kE5M2);
  EXPECT_EQ(to_string(parse_precision("fp8", "e3m4,e2m5").forward), "e3m4");
  EXPECT_EQ(to_string(parse_precision("fp8", "e3m4,e2m5").gradient), "e2m5");
}

TEST(Precision, OtherNamesAreRefused) {
  const auto message = [](std::string_view kind, std::string_view formats) -> std::string {
    try {
      parse_precision(kind, formats);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("fp4", "e4m3,e5m2"), "unknown precision 'fp4': choose fp32, fp16 or fp8");
  EXPECT_EQ(message("fp8", "e4m3"), "fp8-format: 'e4m3' has no comma: give FORWARD,GRADIENT, such as e4m3,e5m2");
  EXPECT_THAT(message("fp8", "e4m3,e5m3"), testing::StartsWith("fp8-format: 'e5m3' is not a format of 8 bits"));
  EXPECT_THAT(message("fp8", ",e5m2"), testing::StartsWith("fp8-format: '' is not a format of 8 bits"));
  EXPECT_THAT(message("fp32", "e4m3,e5m2,e5m2"), testing::StartsWith("fp8-format: 'e5m2,e5m2' is not a format"));
}

TEST(Precision, WeightsAreRoundedToTheForwardFormat) {
  const std::vector<float> weights = {0.01F, -0.3F, 0.2F, 1e-9F};
  std::vector<float> rounded(weights.size());
  parse_precision("fp8").round_weights(weights, rounded);
  // 0.3 needs a scale of 2^-10: 0.3 is 307.2, to 320; 0.2 is 204.8, to 208; 0.01 is 10.24, to 10.
  EXPECT_THAT(rounded, testing::ElementsAre(10 * 0x1p-10F, -320 * 0x1p-10F, 208 * 0x1p-10F, 0));
  Precision(Format::fp16).round_weights(weights, rounded);
  EXPECT_EQ(rounded[0], 0x1.47cp-7F);
}

}  // namespace
}  // namespace trainer
