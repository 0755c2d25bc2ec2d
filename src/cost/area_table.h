#pragma once

#include <yaml-cpp/yaml.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace trainer {

/// What a processor's area is made of.
enum class AreaComponent {
  mac,
  lane_registers,
  accumulators,
  lane_selection,
  bitmap_memory,
  operand_memory,
  activation_buffer,
  weight_buffer,
  output_buffer,
  batchnorm_unit,
  update_unit,
  speculation_unit,
  speculation_sums,
  speculation_queue,
  group_control,
  controller,
};
inline constexpr size_t kAreaComponents = 16;

struct AreaComponentEntry {
  AreaComponent component;
  std::string_view name;  ///< in cost tables and reports
  std::string_view unit;  ///< of the count: lanes, bits, ... A memory counts KB, and its area is that of SRAM macros.
  bool is_memory;
  std::string_view count;  ///< how many a processor has, in terms of its parameters
};

/// The visible table of components, in the enum's order.
const std::array<AreaComponentEntry, kAreaComponents>& area_component_table();

/// Area of one, at the node that the figure is of.
struct AreaRow {
  AreaComponent component;
  double um2;
  double node_nm;
  std::string source;
  std::string scope;
};

struct SramMacro {
  double KB;
  double mm2;
};

/// SRAM macros by size, at one node.
struct SramTable {
  double node_nm = 0;
  std::string source;
  std::vector<SramMacro> macros;  ///< from small to large

  /// mm2 of `KB` in equal macros, as few as the largest size allows. Between two sizes the logarithm of the area
  /// follows that of the size; a memory smaller than the smallest macro has the area of that one.
  double area_mm2(double KB) const;
};

/// Section `area` of a cost table.
struct AreaTable {
  double published_mm2 = 0;
  std::string published_source;
  std::string reference;  ///< the processor whose components and remainder make the published area
  SramTable sram;
  std::vector<AreaRow> rows;  ///< one of every component that is no memory
};

/// Throws UsageError: file, line, key, and what to do.
AreaTable parse_area_table(const YAML::Node& node, const std::string& file);

}  // namespace trainer
