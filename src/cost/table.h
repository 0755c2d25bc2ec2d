#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cost/area_table.h"
#include "cost/operating_point.h"
#include "processor/event.h"

namespace trainer {

/// How a row's value turns a count into energy.
enum class CostUnit {
  pJ,  ///< energy of one
  mW,  ///< power while it lasts: for the event that counts cycles
};

/// What part of the processor an event's energy belongs to; says how the row follows node and voltage.
enum class CostShare {
  datapath,  ///< arithmetic: switching energy, scaled by scaling.h
  memory,    ///< register files and SRAM: likewise
  control,   ///< pipeline registers, clock and control: likewise, times the factor of calibration
  leakage,   ///< power that does not depend on work: leakage_scale()
  dram,      ///< another chip with a supply of its own: not scaled
};
std::string_view to_string(CostShare share);

/// Number formats of operands that rows can tell apart.
const std::vector<std::string_view>& cost_precisions();

/// How the energy of an access follows the size of its memory: (KB / at_KB)^exponent.
struct SizeLaw {
  double at_KB;  ///< what the row's value is for
  double exponent;
};

/// One row of a cost table: what one event costs in the place that the figure was published for, and which that is.
struct CostRow {
  Event event;
  std::string precision;  ///< of the operands that the row is for; empty for all
  double value;
  CostUnit unit;
  CostShare share;
  double node_nm;  ///< 0 for DRAM
  double voltage_V;
  std::string source;
  std::string scope;
  std::optional<SizeLaw> size;  ///< of events of the global buffer; without it any size costs the same
};

/// The factor on all rows of share `control` for one precision, and the dense efficiency that it is set by.
struct CalibrationFactor {
  std::string precision;
  double factor;
  double target_TFLOPS_per_W;
  std::string source;
};

struct CostTable {
  std::string name;
  std::string summary;
  double node_nm = 0;  ///< of the processor: what rows are scaled to
  std::vector<OperatingPoint> operating_points;
  std::vector<CalibrationFactor> calibration;  ///< may be empty
  std::vector<CostRow> rows;
  std::optional<AreaTable> area;

  /// Null where the table has no row of the event that holds for `precision`.
  const CostRow* find(Event event, std::string_view precision) const;
  /// Null where no factor is given.
  const CalibrationFactor* find_calibration(std::string_view precision) const;
};

/// Reads a cost table's text; `file` names it in messages. Throws UsageError: file, line, key, and what to do.
CostTable parse_cost_table(std::string_view text, const std::string& file);

/// A built-in table's name, or a path (contains '/' or ends with .yaml). Throws UsageError.
CostTable load_cost_table(const std::string& name_or_file);

/// The built-in tables.
std::vector<CostTable> cost_table_list();

}  // namespace trainer
