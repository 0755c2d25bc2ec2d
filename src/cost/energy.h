#pragma once

#include <array>

#include "cost/table.h"

namespace trainer {

/// Energy of counted events, event by event: parts that sum to the totals.
struct Energy {
  std::array<double, kEvents> by_event_J{};

  double event_J(Event event) const { return by_event_J[static_cast<size_t>(event)]; }
  double core_J() const;
  double dram_J() const;
  /// Core plus DRAM.
  double system_J() const { return core_J() + dram_J(); }
};

/// count * pJ, or count / clock * mW. Throws UsageError naming an event that has a count and no row.
Energy energy_of(const EventCounts& counts, const CostTable& table, double clock_MHz);

}  // namespace trainer
