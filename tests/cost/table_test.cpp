#include "cost/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/embedded.h"
#include "base/error.h"

namespace trainer {
namespace {

using testing::HasSubstr;

std::string table_with(const std::string& row) {
  return "name: t\nsummary: s\nrows:\n  - {event: mac, value: 1, unit: pJ, node: n, voltage_V: 1, source: s, scope: "
         "c}\n"
         "  - " +
         row + "\n";
}

std::string message_of(const std::string& text) {
  try {
    parse_cost_table(text, "t.yaml");
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

TEST(CostTable, EveryShippedTablePricesEveryEvent) {
  ASSERT_FALSE(embedded::cost_tables().empty());
  for (const embedded::File& file : embedded::cost_tables()) {
    const CostTable table = load_cost_table(std::string(file.name));
    EXPECT_EQ(table.name, file.name);
    for (const EventEntry& entry : event_table()) {
      ASSERT_NE(table.find(entry.event), nullptr) << entry.name;
      EXPECT_GT(table.find(entry.event)->value, 0);
      EXPECT_FALSE(table.find(entry.event)->source.empty());
    }
  }
}

TEST(CostTable, EventsAreListedInTheEnumsOrder) {
  for (size_t i = 0; i < kEvents; ++i) {
    EXPECT_EQ(static_cast<size_t>(event_table()[i].event), i);
  }
}

TEST(CostTable, MisuseNamesFileAndLine) {
  const std::string rest = ", node: n, voltage_V: 1, source: s, scope: c}";
  EXPECT_THAT(message_of(table_with("{event: cycles, value: 1, unit: pJ" + rest)),
              HasSubstr("t.yaml:5: unknown event 'cycles': did you mean 'cycle'?"));
  EXPECT_THAT(message_of(table_with("{event: cycle, value: -1, unit: pJ" + rest)), HasSubstr("t.yaml:5: value"));
  EXPECT_THAT(message_of(table_with("{event: cycle, value: x, unit: pJ" + rest)), HasSubstr("t.yaml:5: value"));
  EXPECT_THAT(message_of(table_with("{event: cycle, value: 1, unit: nJ" + rest)), HasSubstr("t.yaml:5: unit"));
  EXPECT_THAT(message_of(table_with("{event: dram_read, value: 1, unit: mW" + rest)), HasSubstr("t.yaml:5: unit"));
  EXPECT_THAT(message_of(table_with("{event: mac, value: 1, unit: pJ" + rest)), HasSubstr("has a row already"));
  EXPECT_THAT(message_of(table_with("{event: cycle, valu: 1, unit: pJ" + rest)),
              HasSubstr("t.yaml:5: unknown key 'valu': did you mean 'value'?"));
  EXPECT_THAT(message_of(table_with("{event: cycle, value: 1, unit: pJ}")), HasSubstr("t.yaml:5: missing key 'node'"));
  EXPECT_THAT(message_of("name: t\nsummary: s\nrows: 3\n"), HasSubstr("t.yaml:3: rows"));
  EXPECT_THAT(message_of("- 1\n"), HasSubstr("t.yaml:1"));
  EXPECT_THAT(message_of("a: : b\n"), HasSubstr("not valid YAML"));
}

TEST(CostTable, UnknownNameListsTheKnownOnes) {
  try {
    load_cost_table("28nm");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("28nm-0v6"));
  }
  EXPECT_THROW(load_cost_table("/no/such/table.yaml"), UsageError);
}

}  // namespace
}  // namespace trainer
