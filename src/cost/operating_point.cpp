#include "cost/operating_point.h"

#include <fmt/format.h>

#include "base/error.h"
#include "cost/checked_yaml.h"
#include "cost/table.h"

namespace trainer {

std::vector<OperatingPoint> parse_operating_points(const CheckedMap& table, const std::string& file) {
  std::vector<OperatingPoint> points;
  for (const YAML::Node& node : table.list("operating_points")) {
    const CheckedMap map(node, file, {"voltage_V", "clock_MHz", "source"});
    const OperatingPoint point{map.positive_number("voltage_V"), map.positive_number("clock_MHz"), map.text("source")};
    if (!points.empty() && !(point.voltage_V > points.back().voltage_V && point.clock_MHz > points.back().clock_MHz)) {
      map.fail("voltage_V", "each operating point has to have a higher voltage and a faster clock than the one before");
    }
    points.push_back(point);
  }
  return points;
}

double fastest_clock_MHz(const CostTable& table, double voltage_V) {
  const std::vector<OperatingPoint>& points = table.operating_points;
  for (size_t i = 0; i < points.size(); ++i) {
    if (voltage_V == points[i].voltage_V) {
      return points[i].clock_MHz;
    }
    if (i > 0 && voltage_V > points[i - 1].voltage_V && voltage_V < points[i].voltage_V) {
      const OperatingPoint& below = points[i - 1];
      const double share = (voltage_V - below.voltage_V) / (points[i].voltage_V - below.voltage_V);
      return below.clock_MHz + share * (points[i].clock_MHz - below.clock_MHz);
    }
  }
  throw UsageError(
      fmt::format("voltage_V: cost table '{}' has operating points from {:g} V to {:g} V, not {:g} V: choose one with "
                  "`trainer list operating-points`",
                  table.name, points.front().voltage_V, points.back().voltage_V, voltage_V));
}

void require_reachable(const CostTable& table, const OperatingPoint& point) {
  const double fastest = fastest_clock_MHz(table, point.voltage_V);
  if (point.clock_MHz > fastest * (1 + 1e-12)) {
    throw UsageError(
        fmt::format("clock_MHz: {:g} MHz is more than the {:g} MHz that cost table '{}' allows at {:g} V: "
                    "lower clock_MHz or raise voltage_V (`trainer list operating-points`)",
                    point.clock_MHz, fastest, table.name, point.voltage_V));
  }
}

}  // namespace trainer
