#include "cost/area_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "cost/checked_yaml.h"

namespace trainer {
namespace {

AreaComponent component_of(const CheckedMap& map) {
  std::vector<std::string_view> names;
  for (const AreaComponentEntry& entry : area_component_table()) {
    names.push_back(entry.name);
  }
  const AreaComponentEntry& entry = area_component_table()[map.choice("component", "component", names)];
  if (entry.is_memory) {
    map.fail("component", fmt::format("the area of '{}' comes from the SRAM macros: remove this row", entry.name));
  }
  return entry.component;
}

SramTable parse_sram(const YAML::Node& node, const std::string& file) {
  const CheckedMap map(node, file, {"node_nm", "source", "macros"});
  SramTable sram{map.node_nm("node_nm"), map.text("source"), {}};
  for (const YAML::Node& entry : map.list("macros")) {
    const CheckedMap macro(entry, file, {"KB", "mm2"});
    sram.macros.push_back({macro.positive_number("KB"), macro.positive_number("mm2")});
    if (sram.macros.size() > 1 && sram.macros.back().KB <= sram.macros[sram.macros.size() - 2].KB) {
      macro.fail("KB", "each macro has to be larger than the one before");
    }
  }
  return sram;
}

std::vector<AreaRow> parse_rows(const CheckedMap& area, const std::string& file) {
  std::vector<AreaRow> rows;
  for (const YAML::Node& node : area.list("components")) {
    const CheckedMap map(node, file, {"component", "um2", "node", "source", "scope"});
    AreaRow row{component_of(map), map.number("um2"), map.node_nm("node"), map.text("source"), map.text("scope")};
    if (std::any_of(rows.begin(), rows.end(), [&](const AreaRow& r) { return r.component == row.component; })) {
      map.fail("component", "has a row already: remove one");
    }
    rows.push_back(std::move(row));
  }
  for (const AreaComponentEntry& entry : area_component_table()) {
    if (!entry.is_memory &&
        std::none_of(rows.begin(), rows.end(), [&](const AreaRow& r) { return r.component == entry.component; })) {
      area.fail("components", fmt::format("there is no row of '{}' ({}): add one", entry.name, entry.count));
    }
  }
  return rows;
}

}  // namespace

const std::array<AreaComponentEntry, kAreaComponents>& area_component_table() {
  static constexpr std::array<AreaComponentEntry, kAreaComponents> kTable = {{
      {AreaComponent::mac, "mac", "lane", false, "every lane"},
      {AreaComponent::lane_registers, "lane_registers", "bit", false, "96 pipeline register bits for each lane"},
      {AreaComponent::accumulators, "accumulators", "bit", false,
       "two banks of 32 bits for each PE and position of a tile"},
      {AreaComponent::lane_selection, "lane_selection", "lane", false,
       "every lane, where anything is skipped or speculated"},
      {AreaComponent::bitmap_memory, "bitmap_memory", "KB", true,
       "one for each group, where anything is skipped or speculated"},
      {AreaComponent::operand_memory, "operand_memory", "KB", true, "one for each group"},
      {AreaComponent::activation_buffer, "activation_buffer", "KB", true, "buffer.activations_KB"},
      {AreaComponent::weight_buffer, "weight_buffer", "KB", true, "buffer.weights_KB"},
      {AreaComponent::output_buffer, "output_buffer", "KB", true, "buffer.outputs_KB"},
      {AreaComponent::batchnorm_unit, "batchnorm_unit", "element/cycle", false, "batchnorm.elements_per_cycle"},
      {AreaComponent::update_unit, "update_unit", "element/cycle", false, "update.elements_per_cycle"},
      {AreaComponent::speculation_unit, "speculation_unit", "lane", false,
       "speculation.lanes for each PE, where FF is speculated"},
      {AreaComponent::speculation_sums, "speculation_sums", "bit", false,
       "16 bits for each PE and position of a tile, where FF is speculated"},
      {AreaComponent::speculation_queue, "speculation_queue", "KB", true,
       "one for each group, of speculation.fifo_depth bitmaps of the outputs of an item, where FF is speculated"},
      {AreaComponent::group_control, "group_control", "group", false, "every group"},
      {AreaComponent::controller, "controller", "processor", false, "one"},
  }};
  return kTable;
}

double SramTable::area_mm2(double KB) const {
  const double count = std::ceil(KB / macros.back().KB);
  const double each = KB / count;
  if (KB <= 0) {
    return 0;
  }
  const auto above =
      std::find_if(macros.begin(), macros.end(), [each](const SramMacro& macro) { return macro.KB >= each; });
  if (above == macros.begin() || above->KB == each) {
    return count * above->mm2;
  }
  const SramMacro& below = *(above - 1);
  const double share = std::log(each / below.KB) / std::log(above->KB / below.KB);
  return count * below.mm2 * std::pow(above->mm2 / below.mm2, share);
}

AreaTable parse_area_table(const YAML::Node& node, const std::string& file) {
  const CheckedMap map(node, file, {"published_mm2", "published_source", "reference", "sram", "components"});
  AreaTable table;
  table.published_mm2 = map.positive_number("published_mm2");
  table.published_source = map.text("published_source");
  table.reference = map.text("reference");
  table.sram = parse_sram(map.node("sram"), file);
  table.rows = parse_rows(map, file);
  return table;
}

}  // namespace trainer
