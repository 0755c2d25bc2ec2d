#include "run/speculation_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trainer {
namespace {

using testing::HasSubstr;

const FeedforwardCounts kOutputs = {.outputs = 200,
                                    .wanted = 100,
                                    .predicted = 60,
                                    .audited = 10,
                                    .audited_live = 1,
                                    .skipped = 50,
                                    .false_skips = 2,
                                    .missed = 52};
const std::vector<LayerSpeculation> kTotals = {{0, "conv1", {1000, 800, 200, 50}, kOutputs},
                                               {3, "conv2", {500, 200, 50, 10}, {}}};

TEST(SpeculationReport, DocumentSumsLayers) {
  const nlohmann::json document = speculation_json(kTotals);
  EXPECT_EQ(document.at("gradient_values"), 1500);
  EXPECT_EQ(document.at("gradient_operands"), 1000);
  EXPECT_EQ(document.at("gradients_dropped"), 250);
  EXPECT_EQ(document.at("gradients_kept"), 60);
  EXPECT_EQ(document.at("gradients_dropped_share"), 0.25);
  EXPECT_EQ(document.at("outputs_skipped"), 50);
  EXPECT_EQ(document.at("precision"), 0.96);
  EXPECT_EQ(document.at("recall"), 0.48);
  EXPECT_EQ(document.at("false_skip_rate"), 0.05);
  ASSERT_EQ(document.at("layers").size(), 2U);
  EXPECT_EQ(document.at("layers")[1].at("layer"), "conv2");
  EXPECT_EQ(document.at("layers")[1].at("gradients_dropped"), 50);
}

TEST(SpeculationReport, LineAndTable) {
  EXPECT_EQ(
      speculation_line(kTotals),
      "speculation: 25.0 % of outputs skipped, false skips 5.00 %, precision 96.00 %, recall 48.0 %; gradients 25.0 % "
      "dropped");
  EXPECT_EQ(speculation_line({{0, "conv1", {100, 100, 50, 0}, {}}}), "speculation: gradients 50.0 % dropped");
  const std::string table = speculation_table(kTotals);
  EXPECT_THAT(table, HasSubstr("conv2"));
  EXPECT_THAT(table, HasSubstr("all"));
  EXPECT_THAT(table, HasSubstr("1000"));
}

}  // namespace
}  // namespace trainer
