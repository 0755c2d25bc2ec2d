#include "cost/energy.h"

namespace trainer {
namespace {

double sum_of(const Energy& energy, EventPart part) {
  double sum = 0;
  for (const EventEntry& entry : event_table()) {
    if (entry.part == part) {
      sum += energy.event_J(entry.event);
    }
  }
  return sum;
}

}  // namespace

double Energy::core_J() const { return sum_of(*this, EventPart::core); }
double Energy::dram_J() const { return sum_of(*this, EventPart::dram); }

Energy energy_of(const EventCounts& counts, const Prices& prices) {
  Energy energy;
  for (const EventEntry& entry : event_table()) {
    const int64_t count = counts[entry.event];
    if (count != 0) {
      energy.by_event_J[static_cast<size_t>(entry.event)] = static_cast<double>(count) * prices.pJ(entry.event) * 1e-12;
    }
  }
  return energy;
}

double share_energy_J(const Energy& energy, const Prices& prices, CostShare share) {
  double sum = 0;
  for (const EventEntry& entry : event_table()) {
    const CostRow* row = prices.row(entry.event);
    if (row != nullptr && row->share == share) {
      sum += energy.event_J(entry.event);
    }
  }
  return sum;
}

}  // namespace trainer
