#include "cost/energy.h"

#include <fmt/format.h>

#include "base/error.h"

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

Energy energy_of(const EventCounts& counts, const CostTable& table, double clock_MHz) {
  Energy energy;
  for (const EventEntry& entry : event_table()) {
    const int64_t count = counts[entry.event];
    if (count == 0) {
      continue;
    }
    const CostRow* row = table.find(entry.event);
    if (row == nullptr) {
      throw UsageError(fmt::format("cost table '{}' has no row for event '{}' ({}), counted {} times: add a row",
                                   table.name, entry.name, entry.meaning, count));
    }
    const double picojoule =
        row->unit == CostUnit::pJ ? row->value : row->value * 1e3 / clock_MHz;  // mW / MHz = nJ per cycle
    energy.by_event_J[static_cast<size_t>(entry.event)] = static_cast<double>(count) * picojoule * 1e-12;
  }
  return energy;
}

}  // namespace trainer
