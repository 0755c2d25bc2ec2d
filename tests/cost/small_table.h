#pragma once

#include <string>

#include "cost/table.h"
#include "processor/parameters.h"

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

/// A processor of that operating point and precision, with 256 KB in each part of its buffer.
inline ProcessorParameters processor_at(double voltage_V, double clock_MHz, const std::string& precision) {
  ProcessorParameters parameters;
  parameters.voltage_V = voltage_V;
  parameters.clock_MHz = clock_MHz;
  parameters.precision = precision;
  parameters.activations_KB = 256;
  parameters.weights_KB = 256;
  parameters.outputs_KB = 256;
  return parameters;
}

}  // namespace trainer::testing_help
