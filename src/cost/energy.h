#pragma once

#include <array>

#include "cost/prices.h"

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

/// count * price. Throws UsageError naming an event that has a count and no price.
Energy energy_of(const EventCounts& counts, const Prices& prices);

/// The part of it that is of one share.
double share_energy_J(const Energy& energy, const Prices& prices, CostShare share);

}  // namespace trainer
