#include "cost/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "cost/buffer_part.h"
#include "cost/checked_yaml.h"
#include "processor/keyed_yaml.h"

namespace trainer {
namespace {

// In the enum's order.
const std::vector<std::string_view>& share_names() {
  static const std::vector<std::string_view> names = {"datapath", "memory", "control", "leakage", "dram"};
  return names;
}

Event event_of(const CheckedMap& map) {
  std::vector<std::string_view> names;
  for (const EventEntry& entry : event_table()) {
    names.push_back(entry.name);
  }
  return event_table()[map.choice("event", "event", names)].event;
}

std::string precision_of(const CheckedMap& map) {
  return std::string(cost_precisions()[map.choice("precision", "precision", cost_precisions())]);
}

CostShare share_of(const CheckedMap& map, Event event) {
  const auto share = static_cast<CostShare>(map.choice("share", "share", share_names()));
  const bool is_dram = event_table()[static_cast<size_t>(event)].part == EventPart::dram;
  if (is_dram != (share == CostShare::dram)) {
    map.fail("share",
             fmt::format("event '{}' {} the share dram", to_string(event), is_dram ? "has to be of" : "cannot be of"));
  }
  if (share == CostShare::leakage && event != Event::cycle) {
    map.fail("share", "leakage lasts as long as the clock runs: give it to the event 'cycle'");
  }
  return share;
}

CostUnit unit_of(const CheckedMap& map, CostShare share) {
  const std::string name = map.text("unit");
  const std::string expected = share == CostShare::leakage ? "mW" : "pJ";
  if (name != expected) {
    map.fail("unit", fmt::format("'{}' will not do: give {} (a row of share {})", name, expected, to_string(share)));
  }
  return share == CostShare::leakage ? CostUnit::mW : CostUnit::pJ;
}

std::optional<SizeLaw> size_law_of(const CheckedMap& map, Event event) {
  if (map.has("at_KB") != map.has("size_exponent")) {
    map.fail(map.has("at_KB") ? "at_KB" : "size_exponent", "at_KB and size_exponent go together: give both or neither");
  }
  if (!map.has("at_KB")) {
    return std::nullopt;
  }
  if (!buffer_part_of(event)) {
    map.fail("at_KB",
             fmt::format("event '{}' is not of a memory whose size a processor gives: remove at_KB and size_exponent",
                         to_string(event)));
  }
  return SizeLaw{map.positive_number("at_KB"), map.number("size_exponent")};
}

CostRow parse_row(const YAML::Node& node, const std::string& file, double table_nm) {
  const CheckedMap map(node, file, {"event", "value", "unit", "share", "node", "voltage_V", "source", "scope"},
                       {"precision", "at_KB", "size_exponent"});
  CostRow row;
  row.event = event_of(map);
  row.precision = map.has("precision") ? precision_of(map) : "";
  row.value = map.number("value");
  row.share = share_of(map, row.event);
  row.unit = unit_of(map, row.share);
  row.node_nm = row.share == CostShare::dram ? (map.text("node"), 0) : map.node_nm("node");
  if (row.share == CostShare::leakage && row.node_nm != table_nm) {
    map.fail("node", fmt::format("leakage is not scaled between nodes: give it at the table's {:g} nm", table_nm));
  }
  row.voltage_V = map.positive_number("voltage_V");
  row.source = map.text("source");
  row.scope = map.text("scope");
  row.size = size_law_of(map, row.event);
  return row;
}

std::vector<CostRow> parse_rows(const CheckedMap& document, const std::string& file, double table_nm) {
  std::vector<CostRow> rows;
  for (const YAML::Node& node : document.list("rows")) {
    CostRow row = parse_row(node, file, table_nm);
    for (const CostRow& other : rows) {
      if (other.event == row.event &&
          (other.precision.empty() || row.precision.empty() || other.precision == row.precision)) {
        throw UsageError(fmt::format("{}:{}: event '{}' has a row already{}: remove one", file, node.Mark().line + 1,
                                     to_string(row.event),
                                     other.precision.empty() ? "" : fmt::format(" for {}", other.precision)));
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<CalibrationFactor> parse_calibration(const CheckedMap& document, const std::string& file) {
  std::vector<CalibrationFactor> factors;
  for (const YAML::Node& node : document.list("calibration")) {
    const CheckedMap map(node, file, {"precision", "factor", "target_TFLOPS_per_W", "source"});
    CalibrationFactor factor{precision_of(map), map.number("factor"), map.positive_number("target_TFLOPS_per_W"),
                             map.text("source")};
    if (std::any_of(factors.begin(), factors.end(),
                    [&](const CalibrationFactor& other) { return other.precision == factor.precision; })) {
      map.fail("precision", fmt::format("{} has a factor already: remove one", factor.precision));
    }
    factors.push_back(std::move(factor));
  }
  return factors;
}

}  // namespace

std::string_view to_string(CostShare share) { return share_names()[static_cast<size_t>(share)]; }

const std::vector<std::string_view>& cost_precisions() {
  static const std::vector<std::string_view> names = {"fp16", "fp8"};
  return names;
}

const CostRow* CostTable::find(Event event, std::string_view precision) const {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const CostRow& r) {
    return r.event == event && (r.precision.empty() || r.precision == precision);
  });
  return row == rows.end() ? nullptr : &*row;
}

const CalibrationFactor* CostTable::find_calibration(std::string_view precision) const {
  const auto found =
      std::find_if(calibration.begin(), calibration.end(), [&](const auto& c) { return c.precision == precision; });
  return found == calibration.end() ? nullptr : &*found;
}

CostTable parse_cost_table(std::string_view text, const std::string& file) {
  try {
    const CheckedMap document(YAML::Load(std::string(text)), file,
                              {"name", "summary", "node_nm", "operating_points", "rows"}, {"calibration", "area"});
    CostTable table;
    table.name = document.text("name");
    table.summary = document.text("summary");
    table.node_nm = document.node_nm("node_nm");
    table.operating_points = parse_operating_points(document, file);
    table.rows = parse_rows(document, file, table.node_nm);
    if (document.has("calibration")) {
      table.calibration = parse_calibration(document, file);
    }
    if (document.has("area")) {
      table.area = parse_area_table(document.node("area"), file);
    }
    return table;
  } catch (const YAML::Exception& error) {
    throw UsageError(fmt::format("{}:{}: not valid YAML: {}", file, std::max(error.mark.line + 1, 1), error.msg));
  }
}

CostTable load_cost_table(const std::string& name_or_file) {
  if (name_or_file.find('/') != std::string::npos || name_or_file.ends_with(".yaml")) {
    return parse_cost_table(read_text_file(name_or_file), name_or_file);
  }
  std::vector<std::string_view> known;
  for (const embedded::File& file : embedded::cost_tables()) {
    if (file.name == name_or_file) {
      return parse_cost_table(file.text, fmt::format("cost/{}.yaml", file.name));
    }
    known.push_back(file.name);
  }
  throw UsageError(
      fmt::format("unknown cost table '{}': choose {} or give a .yaml file", name_or_file, fmt::join(known, ", ")));
}

std::vector<CostTable> cost_table_list() {
  std::vector<CostTable> tables;
  for (const embedded::File& file : embedded::cost_tables()) {
    tables.push_back(load_cost_table(std::string(file.name)));
  }
  return tables;
}

}  // namespace trainer
