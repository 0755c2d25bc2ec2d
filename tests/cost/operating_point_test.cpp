#include "cost/operating_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cost/small_table.h"

namespace trainer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_help::small_table;
using testing_help::small_table_text;

std::string message_of(const OperatingPoint& point) {
  try {
    require_reachable(small_table(), point);
  } catch (const UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(OperatingPoint, TheFastestClockIsOnTheLineBetweenTwoPoints) {
  const CostTable table = small_table();  // 0.6 V: 50 MHz, 0.8 V: 150 MHz
  EXPECT_EQ(fastest_clock_MHz(table, 0.6), 50);
  EXPECT_EQ(fastest_clock_MHz(table, 0.8), 150);
  EXPECT_NEAR(fastest_clock_MHz(table, 0.65), 75, 1e-9);
  EXPECT_NO_THROW(require_reachable(table, {0.65, 75, ""}));
  EXPECT_NO_THROW(require_reachable(table, {0.8, 1, ""}));
}

TEST(OperatingPoint, OutOfReachSaysWhatIsThere) {
  EXPECT_THAT(message_of({0.5, 10, ""}),
              AllOf(HasSubstr("voltage_V"), HasSubstr("0.6 V to 0.8 V"), HasSubstr("0.5 V")));
  EXPECT_THAT(message_of({0.81, 10, ""}), HasSubstr("list operating-points"));
  EXPECT_THAT(message_of({0.6, 60, ""}),
              AllOf(HasSubstr("clock_MHz: 60 MHz"), HasSubstr("50 MHz"), HasSubstr("'small'"), HasSubstr("voltage_V")));
}

TEST(OperatingPoint, TheListHasToGrow) {
  for (const std::string second :
       {"{voltage_V: 0.6, clock_MHz: 150, source: s}", "{voltage_V: 0.8, clock_MHz: 50, source: s}"}) {
    std::string text = small_table_text();
    const std::string before = "{voltage_V: 0.8, clock_MHz: 150, source: s}";
    text.replace(text.find(before), before.size(), second);
    try {
      parse_cost_table(text, "t.yaml");
      FAIL() << second;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("t.yaml:6: voltage_V: each operating point"));
    }
  }
}

TEST(OperatingPoint, ShippedOnesSayThatTheyAreAChoice) {
  for (const CostTable& table : cost_table_list()) {
    for (const OperatingPoint& point : table.operating_points) {
      EXPECT_THAT(point.source, HasSubstr("choice of this project"));
    }
  }
}

}  // namespace
}  // namespace trainer
