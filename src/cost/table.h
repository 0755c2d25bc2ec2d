#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "processor/event.h"

namespace trainer {

/// How a row's value turns a count into energy.
enum class CostUnit {
  pJ,  ///< energy of one
  mW,  ///< power while it lasts: for the event that counts cycles
};

/// One row of a cost table: what one event costs, and where the figure comes from.
struct CostRow {
  Event event;
  double value;
  CostUnit unit;
  std::string node;
  double voltage_V;
  std::string source;
  std::string scope;
};

struct CostTable {
  std::string name;
  std::string summary;
  std::vector<CostRow> rows;

  /// Null where the table has no row for it.
  const CostRow* find(Event event) const;
};

/// Reads a cost table's text; `file` names it in messages. Throws UsageError: file, line, key, and what to do.
CostTable parse_cost_table(std::string_view text, const std::string& file);

/// A built-in table's name, or a path (contains '/' or ends with .yaml). Throws UsageError.
CostTable load_cost_table(const std::string& name_or_file);

}  // namespace trainer
