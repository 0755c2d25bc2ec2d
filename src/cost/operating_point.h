#pragma once

#include <string>
#include <vector>

namespace trainer {

class CheckedMap;
struct CostTable;

/// A supply voltage and a clock. In a cost table: the fastest clock that the voltage allows.
struct OperatingPoint {
  double voltage_V = 0;
  double clock_MHz = 0;
  std::string source;
};

/// Key `operating_points` of a cost table: voltages and clocks that both grow. Throws UsageError.
std::vector<OperatingPoint> parse_operating_points(const CheckedMap& table, const std::string& file);

/// The fastest clock at a voltage, in MHz: that of the table's operating point, or between two of them on the straight
/// line. Throws UsageError for voltages outside of the table's.
double fastest_clock_MHz(const CostTable& table, double voltage_V);

/// Throws UsageError where the table's voltages do not include the point's, or its clock is faster than
/// fastest_clock_MHz().
void require_reachable(const CostTable& table, const OperatingPoint& point);

}  // namespace trainer
