#include "cost/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace trainer {
namespace {

CostTable small_table() {
  return parse_cost_table(R"(
name: small
summary: for tests
rows:
  - {event: mac, value: 0.5, unit: pJ, node: n, voltage_V: 0.6, source: s, scope: c}
  - {event: cycle, value: 2, unit: mW, node: n, voltage_V: 0.6, source: s, scope: c}
  - {event: dram_read, value: 64, unit: pJ, node: n, voltage_V: 1.1, source: s, scope: c}
)",
                          "small.yaml");
}

TEST(Energy, CountTimesRow) {
  EventCounts counts;
  counts[Event::mac] = 1000;
  counts[Event::cycle] = 100;
  counts[Event::dram_read] = 10;
  const Energy energy = energy_of(counts, small_table(), 50);
  EXPECT_DOUBLE_EQ(energy.event_J(Event::mac), 1000 * 0.5e-12);
  EXPECT_DOUBLE_EQ(energy.event_J(Event::cycle), 100 / 50e6 * 2e-3);  // 2 us at 2 mW
  EXPECT_DOUBLE_EQ(energy.core_J(), 1000 * 0.5e-12 + 4e-9);
  EXPECT_DOUBLE_EQ(energy.dram_J(), 640e-12);
  EXPECT_DOUBLE_EQ(energy.system_J(), energy.core_J() + energy.dram_J());
}

TEST(Energy, CountWithoutRowIsAnErrorThatNamesIt) {
  EventCounts counts;
  counts[Event::accumulate] = 3;
  try {
    energy_of(counts, small_table(), 50);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("'accumulate'"), testing::HasSubstr("'small'")));
  }
}

TEST(Energy, NothingCountedCostsNothing) { EXPECT_EQ(energy_of({}, small_table(), 50).system_J(), 0); }

}  // namespace
}  // namespace trainer
