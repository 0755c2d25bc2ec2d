#pragma once

#include <string>
#include <vector>

#include "cost/area_table.h"
#include "processor/parameters.h"

namespace trainer {

/// One component of a processor.
struct AreaPart {
  AreaComponent component;
  double count = 0;      ///< in area_component_table()'s unit
  int64_t memories = 0;  ///< that a memory's KB are spread over; 0 for others
  double um2_each = 0;   ///< per count, at the processor's node
  double mm2 = 0;
  std::string source;
  std::string scope;
};

/// Area of a processor: named parts, and what nothing names.
struct Area {
  std::vector<AreaPart> parts;  ///< those that the processor has, in the order of area_component_table()
  /// Published area less the parts of the table's reference processor: a difference and not a finding. Pads, power
  /// grid, clock tree, wiring, the host interface and whatever else is unknown. It is kept as it is for every other
  /// processor, so that two processors differ by their named parts alone.
  double remainder_mm2 = 0;
  double published_mm2 = 0;
  std::string published_source;
  std::string reference;

  double parts_mm2() const;
  double total_mm2() const { return parts_mm2() + remainder_mm2; }
};

/// Area by the processor's cost table. Throws UsageError for a table without areas, or whose reference processor's
/// parts exceed the published area.
Area area_of(const ProcessorParameters& parameters);

}  // namespace trainer
