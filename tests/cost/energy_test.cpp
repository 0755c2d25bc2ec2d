#include "cost/energy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "cost/small_table.h"

namespace trainer {
namespace {

using testing_help::processor_at;
using testing_help::small_table;

Prices prices_at_reference() { return {small_table(), processor_at(0.6, 50, "fp16")}; }

EventCounts some_counts() {
  EventCounts counts;
  counts[Event::mac] = 1000;
  counts[Event::lane_active] = 1500;
  counts[Event::cycle] = 100;
  counts[Event::dram_read] = 10;
  return counts;
}

TEST(Energy, CountTimesPrice) {
  const Energy energy = energy_of(some_counts(), prices_at_reference());
  EXPECT_DOUBLE_EQ(energy.event_J(Event::mac), 1000 * 0.5e-12);
  EXPECT_DOUBLE_EQ(energy.event_J(Event::cycle), 100 / 50e6 * 2e-3);  // 2 us at 2 mW
  EXPECT_DOUBLE_EQ(energy.core_J(), 1000 * 0.5e-12 + 1500 * 3e-12 + 4e-9);
  EXPECT_DOUBLE_EQ(energy.dram_J(), 640e-12);
  EXPECT_DOUBLE_EQ(energy.system_J(), energy.core_J() + energy.dram_J());
}

TEST(Energy, SharesSumToTheWhole) {
  const Prices prices = prices_at_reference();
  const Energy energy = energy_of(some_counts(), prices);
  double sum = 0;
  for (const CostShare share :
       {CostShare::datapath, CostShare::memory, CostShare::control, CostShare::leakage, CostShare::dram}) {
    sum += share_energy_J(energy, prices, share);
  }
  EXPECT_DOUBLE_EQ(sum, energy.system_J());
  EXPECT_DOUBLE_EQ(share_energy_J(energy, prices, CostShare::control), 1500 * 3e-12);
  EXPECT_EQ(share_energy_J(energy, prices, CostShare::memory), 0);
}

TEST(Energy, CountWithoutRowIsAnErrorThatNamesIt) {
  EventCounts counts;
  counts[Event::accumulate] = 3;
  try {
    energy_of(counts, prices_at_reference());
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("'accumulate'"), testing::HasSubstr("'small'")));
  }
}

TEST(Energy, NothingCountedCostsNothing) { EXPECT_EQ(energy_of({}, prices_at_reference()).system_J(), 0); }

}  // namespace
}  // namespace trainer
