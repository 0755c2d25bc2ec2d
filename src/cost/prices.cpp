#include "cost/prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "cost/buffer_part.h"
#include "cost/scaling.h"

namespace trainer {
namespace {

double scale(const CostRow& row, const CostTable& table, const OperatingPoint& point) {
  switch (row.share) {
    case CostShare::datapath:
    case CostShare::memory:
    case CostShare::control:
      return energy_scale({row.node_nm, row.voltage_V}, {table.node_nm, point.voltage_V});
    case CostShare::leakage:
      return leakage_scale(row.voltage_V, point.voltage_V);
    case CostShare::dram:
      break;
  }
  return 1;
}

double size_scale(const CostRow& row, const ProcessorParameters& parameters) {
  const std::optional<BufferPart> part = buffer_part_of(row.event);
  return row.size && part ? std::pow(buffer_KB(parameters, *part) / row.size->at_KB, row.size->exponent) : 1;
}

}  // namespace

Prices::Prices(const CostTable& table, const ProcessorParameters& parameters, Calibration calibration)
    : table_(table.name), point_{parameters.voltage_V, parameters.clock_MHz, ""}, precision_(parameters.precision) {
  require_reachable(table, point_);
  const CalibrationFactor* factor = calibration == Calibration::applied ? table.find_calibration(precision_) : nullptr;
  for (const EventEntry& entry : event_table()) {
    const auto i = static_cast<size_t>(entry.event);
    const CostRow* row = table.find(entry.event, precision_);
    if (row == nullptr) {
      const auto other = std::find_if(table.rows.begin(), table.rows.end(),
                                      [&](const CostRow& candidate) { return candidate.event == entry.event; });
      other_precision_[i] = other == table.rows.end() ? "" : other->precision;
      continue;
    }
    rows_[i] = *row;
    // mW / MHz = nJ per cycle
    const double at_row = row->unit == CostUnit::pJ ? row->value : row->value * 1e3 / point_.clock_MHz;
    const double calibrated = row->share == CostShare::control && factor != nullptr ? factor->factor : 1;
    pJ_[i] = at_row * scale(*row, table, point_) * size_scale(*row, parameters) * calibrated;
  }
}

double Prices::pJ(Event event) const {
  const auto i = static_cast<size_t>(event);
  if (!rows_[i]) {
    const EventEntry& entry = event_table()[i];
    throw UsageError(
        other_precision_[i].empty()
            ? fmt::format("cost table '{}' has no row for event '{}' ({}): add a row", table_, entry.name,
                          entry.meaning)
            : fmt::format("cost table '{}' has a row for event '{}' ({}) at precision {}, none at {}: add a row",
                          table_, entry.name, entry.meaning, other_precision_[i], precision_));
  }
  return pJ_[i];
}

const CostRow* Prices::row(Event event) const {
  const std::optional<CostRow>& row = rows_[static_cast<size_t>(event)];
  return row ? &*row : nullptr;
}

}  // namespace trainer
