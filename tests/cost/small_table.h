#pragma once

#include <string>

#include "cost/table.h"

namespace trainer::testing_help {

/// Text of a cost table with three rows at 28 nm and 0.6 V; `rows` and `sections` are added at the end of the rows and
/// of the table. The first added row is line 12.
inline std::string small_table_text(const std::string& rows = "", const std::string& sections = "") {
  return R"(name: small
summary: for tests
node_nm: 28
operating_points:
  - {voltage_V: 0.6, clock_MHz: 50, source: s}
  - {voltage_V: 0.8, clock_MHz: 150, source: s}
rows:
  - {event: mac, value: 0.5, unit: pJ, share: datapath, node: 28 nm, voltage_V: 0.6, source: s, scope: c}
  - {event: cycle, value: 2, unit: mW, share: leakage, node: 28 nm, voltage_V: 0.6, source: s, scope: c}
  - {event: lane_active, value: 3, unit: pJ, share: control, node: 28 nm, voltage_V: 0.6, source: s, scope: c}
  - {event: dram_read, value: 64, unit: pJ, share: dram, node: n, voltage_V: 1.1, source: s, scope: c}
)" + rows +
         sections;
}

inline CostTable small_table(const std::string& rows = "", const std::string& sections = "") {
  return parse_cost_table(small_table_text(rows, sections), "small.yaml");
}

}  // namespace trainer::testing_help
