#include "cost/area.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/embedded.h"
#include "base/error.h"
#include "cost/small_table.h"
#include "processor/processor_file.h"

namespace trainer {
namespace {

using testing::HasSubstr;

Area shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return area_of(load_processor(name, overrides));
}

double mm2_of(const Area& area, AreaComponent component) {
  for (const AreaPart& part : area.parts) {
    if (part.component == component) {
      return part.mm2;
    }
  }
  return 0;
}

std::string message_of(const std::string& cost_file) {
  try {
    shipped("trainer-28nm", {"cost=" + cost_file});
  } catch (const UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

// A copy of the shipped table with one text replaced, in a file of its own.
std::string edited_table(const std::string& name, const std::string& from, const std::string& to) {
  std::string text(embedded::cost_tables().front().text);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text.replace(at, from.size(), to);
  return path;
}

TEST(Area, PartsAndRemainderAreThePublishedTotal) {
  const Area area = shipped("trainer-28nm");
  double sum = area.remainder_mm2;
  for (const AreaPart& part : area.parts) {
    EXPECT_GT(part.mm2, 0);
    EXPECT_NEAR(part.mm2, 1e-6 * part.count * part.um2_each, 1e-12);
    EXPECT_FALSE(part.source.empty());
    sum += part.mm2;
  }
  EXPECT_NEAR(sum, 20.96, 1e-9);
  EXPECT_NEAR(area.total_mm2(), 20.96, 1e-9);
  EXPECT_GT(area.remainder_mm2, 0);
  EXPECT_EQ(area.parts.size(), kAreaComponents);
}

TEST(Area, MacsByHand) {
  // (1360 + 1640) um2 at 45 nm times 2/3 * 0.46 + 1/3 * 0.21 = 1130 um2
  EXPECT_NEAR(mm2_of(shipped("trainer-28nm"), AreaComponent::mac), 1024 * 1130e-6, 1e-6);
  EXPECT_NEAR(mm2_of(shipped("trainer-28nm", {"array.groups=4"}), AreaComponent::mac), 512 * 1130e-6, 1e-6);
}

TEST(Area, AVariantDiffersByItsOwnPartsAndKeepsTheRemainder) {
  const Area chip = shipped("trainer-28nm");
  const Area half = shipped("trainer-28nm", {"array.groups=4", "buffer.activations_KB=256"});
  EXPECT_DOUBLE_EQ(half.remainder_mm2, chip.remainder_mm2);
  for (const AreaComponent component :
       {AreaComponent::mac, AreaComponent::lane_registers, AreaComponent::accumulators, AreaComponent::lane_selection,
        AreaComponent::bitmap_memory, AreaComponent::operand_memory, AreaComponent::speculation_unit,
        AreaComponent::speculation_sums, AreaComponent::speculation_queue, AreaComponent::group_control}) {
    EXPECT_NEAR(mm2_of(half, component), mm2_of(chip, component) / 2, 1e-12);
  }
  for (const AreaComponent component :
       {AreaComponent::weight_buffer, AreaComponent::output_buffer, AreaComponent::batchnorm_unit,
        AreaComponent::update_unit, AreaComponent::controller}) {
    EXPECT_EQ(mm2_of(half, component), mm2_of(chip, component));
  }
  EXPECT_LT(mm2_of(half, AreaComponent::activation_buffer), mm2_of(chip, AreaComponent::activation_buffer));
  EXPECT_NEAR(chip.total_mm2() - half.total_mm2(), chip.parts_mm2() - half.parts_mm2(), 1e-9);
}

TEST(Area, UnitsFollowTheirRates) {
  const Area chip = shipped("trainer-28nm");
  const Area wide = shipped("trainer-28nm", {"batchnorm.elements_per_cycle=128", "update.elements_per_cycle=8"});
  EXPECT_NEAR(mm2_of(wide, AreaComponent::batchnorm_unit), 2 * mm2_of(chip, AreaComponent::batchnorm_unit), 1e-12);
  EXPECT_NEAR(mm2_of(wide, AreaComponent::update_unit), mm2_of(chip, AreaComponent::update_unit) / 2, 1e-12);
}

TEST(Area, TheEstimatorFollowsItsLanesSumsAndQueue) {
  const Area chip = shipped("trainer-28nm");
  // 8 groups x 16 PEs x 32 lanes of (36 + 2 * 68.5) um2 at 45 nm, 0.3767 of it at 28 nm
  EXPECT_NEAR(mm2_of(chip, AreaComponent::speculation_unit), 4096 * 173 * 0.3767e-6, 1e-4);
  const Area narrow = shipped("trainer-28nm", {"speculation.lanes=8", "speculation.fifo_depth=1"});
  EXPECT_NEAR(mm2_of(narrow, AreaComponent::speculation_unit), mm2_of(chip, AreaComponent::speculation_unit) / 4,
              1e-12);
  EXPECT_EQ(mm2_of(narrow, AreaComponent::speculation_sums), mm2_of(chip, AreaComponent::speculation_sums));
  // Half of one accumulator bank's 32 bits, of which there are two.
  EXPECT_NEAR(mm2_of(chip, AreaComponent::speculation_sums), mm2_of(chip, AreaComponent::accumulators) / 4, 1e-12);
  // 4 items of 16 x 512 bits in each of 8 groups: 4 KB each; one item is 1 KB, for which the smallest macro has 2.
  EXPECT_NEAR(mm2_of(chip, AreaComponent::speculation_queue), 8 * 0.0057, 1e-12);
  EXPECT_NEAR(mm2_of(narrow, AreaComponent::speculation_queue), 8 * 0.0029, 1e-12);
  const Area without = shipped("trainer-28nm", {"speculation.feedforward=false"});
  for (const AreaComponent component :
       {AreaComponent::speculation_unit, AreaComponent::speculation_sums, AreaComponent::speculation_queue}) {
    EXPECT_EQ(mm2_of(without, component), 0);
  }
}

TEST(Area, WhatSkipsNothingHasNoPartsForIt) {
  const Area dense = shipped("dense-28nm");
  EXPECT_EQ(mm2_of(dense, AreaComponent::lane_selection), 0);
  EXPECT_EQ(mm2_of(dense, AreaComponent::bitmap_memory), 0);
  EXPECT_EQ(mm2_of(dense, AreaComponent::speculation_unit), 0);
  EXPECT_LT(dense.total_mm2(), 20.96);
  const Area weights_alone = shipped("dense-28nm", {"skip.weight_zeros=true"});
  EXPECT_GT(mm2_of(weights_alone, AreaComponent::bitmap_memory), 0);
  EXPECT_EQ(mm2_of(weights_alone, AreaComponent::speculation_unit), 0);
}

TEST(Area, SramBetweenAndBeyondMacros) {
  const SramTable sram{28, "s", {{2, 1}, {8, 4}, {32, 8}}};
  EXPECT_DOUBLE_EQ(sram.area_mm2(8), 4);
  EXPECT_NEAR(sram.area_mm2(4), 2, 1e-12);  // half way between 2 and 8 in logarithms
  EXPECT_NEAR(sram.area_mm2(16), 4 * std::sqrt(2), 1e-12);
  EXPECT_DOUBLE_EQ(sram.area_mm2(1), 1);    // not smaller than the smallest macro
  EXPECT_DOUBLE_EQ(sram.area_mm2(64), 16);  // two of 32
  EXPECT_NEAR(sram.area_mm2(48), 2 * sram.area_mm2(24), 1e-12);
  EXPECT_EQ(sram.area_mm2(0), 0);
}

TEST(Area, ATableWithoutAreasSaysSo) {
  const std::string path = testing::TempDir() + "/no-area.yaml";
  std::ofstream(path) << testing_help::small_table_text();
  EXPECT_THAT(message_of(path), HasSubstr("cost table 'small' has no areas"));
}

TEST(Area, PartsAboveThePublishedAreaAreRefused) {
  const std::string path = edited_table("small-chip.yaml", "published_mm2: 20.96", "published_mm2: 5");
  EXPECT_THAT(message_of(path), HasSubstr("more than the published 5 mm2"));
}

TEST(Area, MisuseNamesFileAndLine) {
  EXPECT_THAT(message_of(edited_table("a.yaml", "component: update_unit", "component: update_uni")),
              testing::AllOf(HasSubstr("a.yaml:"), HasSubstr("did you mean 'update_unit'?")));
  EXPECT_THAT(message_of(edited_table("b.yaml", "component: update_unit", "component: batchnorm_unit")),
              HasSubstr("has a row already"));
  EXPECT_THAT(message_of(edited_table("c.yaml", "component: update_unit", "component: output_buffer")),
              HasSubstr("comes from the SRAM macros"));
  EXPECT_THAT(message_of(edited_table("d.yaml", "{KB: 8, mm2", "{KB: 3, mm2")), HasSubstr("has to be larger"));
  const std::string controller =
      "    - component: controller\n      um2: 100000\n      node: 28 nm\n      source: \"assumption: 200,000 gates of "
      "0.5 "
      "um2\"\n      scope: instructions, dataflow choice, DMA\n";
  EXPECT_THAT(message_of(edited_table("e.yaml", controller, "")), HasSubstr("no row of 'controller'"));
}

}  // namespace
}  // namespace trainer
