#include "cost/area.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cost/area_inventory.h"
#include "cost/scaling.h"
#include "cost/table.h"
#include "processor/processor_file.h"

namespace trainer {
namespace {

AreaPart priced(AreaComponent component, const Inventory& inventory, const AreaTable& table, double node_nm) {
  const AreaComponentEntry& entry = area_component_table()[static_cast<size_t>(component)];
  AreaPart part;
  part.component = component;
  if (entry.is_memory) {
    const MemoryCount& memory = inventory.memory(component);
    part.count = static_cast<double>(memory.memories) * memory.KB_each;
    part.memories = memory.memories;
    part.mm2 = static_cast<double>(memory.memories) * table.sram.area_mm2(memory.KB_each) *
               area_scale(table.sram.node_nm, node_nm);
    part.um2_each = part.count == 0 ? 0 : 1e6 * part.mm2 / part.count;
    part.source = table.sram.source;
    part.scope = fmt::format("{} of {:g} KB", memory.memories, memory.KB_each);
    return part;
  }
  const AreaRow& row = *std::find_if(table.rows.begin(), table.rows.end(),
                                     [component](const AreaRow& r) { return r.component == component; });
  part.count = static_cast<double>(inventory.count(component));
  part.um2_each = row.um2 * area_scale(row.node_nm, node_nm);
  part.mm2 = 1e-6 * part.count * part.um2_each;
  part.source = row.source;
  part.scope = row.scope;
  return part;
}

std::vector<AreaPart> parts_of(const ProcessorParameters& parameters, const AreaTable& table, double node_nm) {
  const Inventory inventory(parameters);
  std::vector<AreaPart> parts;
  for (const AreaComponentEntry& entry : area_component_table()) {
    AreaPart part = priced(entry.component, inventory, table, node_nm);
    if (part.count > 0) {
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace

double Area::parts_mm2() const {
  double sum = 0;
  for (const AreaPart& part : parts) {
    sum += part.mm2;
  }
  return sum;
}

Area area_of(const ProcessorParameters& parameters) {
  const CostTable table = load_cost_table(parameters.cost);
  if (!table.area) {
    throw UsageError(fmt::format("cost table '{}' has no areas: add the section `area` (docs/cost.md)", table.name));
  }
  Area area;
  area.published_mm2 = table.area->published_mm2;
  area.published_source = table.area->published_source;
  area.reference = table.area->reference;
  area.parts = parts_of(load_processor(area.reference, {}), *table.area, table.node_nm);
  area.remainder_mm2 = area.published_mm2 - area.parts_mm2();
  if (area.remainder_mm2 < 0) {
    throw UsageError(
        fmt::format("cost table '{}': the parts of processor '{}' sum to {:.2f} mm2, more than the published {:g} mm2: "
                    "correct its rows or published_mm2",
                    table.name, area.reference, area.parts_mm2(), area.published_mm2));
  }
  area.parts = parts_of(parameters, *table.area, table.node_nm);
  return area;
}

}  // namespace trainer
