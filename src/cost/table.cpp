#include "cost/table.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/embedded.h"
#include "base/error.h"
#include "processor/keyed_yaml.h"

namespace trainer {
namespace {

constexpr std::array<std::string_view, 7> kRowKeys = {"event", "value", "unit", "node", "voltage_V", "source", "scope"};
constexpr std::array<std::string_view, 3> kTableKeys = {"name", "summary", "rows"};

std::string where(const std::string& file, const YAML::Node& node) {
  return fmt::format("{}:{}", file, node.Mark().line + 1);
}

template <size_t kCount>
void check_keys(const YAML::Node& map, const std::array<std::string_view, kCount>& keys, const std::string& file) {
  if (!map.IsMap()) {
    throw UsageError(fmt::format("{}:{}: expected a map with the keys {}", file, std::max(map.Mark().line + 1, 1),
                                 fmt::join(keys, ", ")));
  }
  const std::vector<std::string_view> known(keys.begin(), keys.end());
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw UsageError(fmt::format("{}: unknown key '{}': did you mean '{}'?", where(file, entry.first), key,
                                   nearest_key(key, known)));
    }
  }
  for (const std::string_view key : keys) {
    if (!map[std::string(key)]) {
      throw UsageError(fmt::format("{}: missing key '{}': add it", where(file, map), key));
    }
  }
}

std::string text_of(const YAML::Node& map, const char* key, const std::string& file) {
  const YAML::Node node = map[key];
  if (!node.IsScalar() || node.Scalar().empty()) {
    throw UsageError(fmt::format("{}: {}: give a non-empty text", where(file, node), key));
  }
  return node.Scalar();
}

double number_of(const YAML::Node& map, const char* key, const std::string& file) {
  const YAML::Node node = map[key];
  double value = 0;
  if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value) || value < 0) {
    throw UsageError(fmt::format("{}: {}: give a number that is not negative", where(file, node), key));
  }
  return value;
}

Event event_of(const YAML::Node& map, const std::string& file) {
  const std::string name = text_of(map, "event", file);
  std::vector<std::string_view> known;
  for (const EventEntry& entry : event_table()) {
    if (entry.name == name) {
      return entry.event;
    }
    known.push_back(entry.name);
  }
  throw UsageError(fmt::format("{}: unknown event '{}': did you mean '{}'?", where(file, map["event"]), name,
                               nearest_key(name, known)));
}

CostUnit unit_of(const YAML::Node& map, Event event, const std::string& file) {
  const std::string name = text_of(map, "unit", file);
  if (name == "pJ") {
    return CostUnit::pJ;
  }
  if (name == "mW" && event == Event::cycle) {
    return CostUnit::mW;
  }
  throw UsageError(
      fmt::format("{}: unit: '{}' will not do: give pJ (or mW for the event 'cycle')", where(file, map["unit"]), name));
}

CostRow parse_row(const YAML::Node& map, const std::string& file) {
  check_keys(map, kRowKeys, file);
  const Event event = event_of(map, file);
  return {event,
          number_of(map, "value", file),
          unit_of(map, event, file),
          text_of(map, "node", file),
          number_of(map, "voltage_V", file),
          text_of(map, "source", file),
          text_of(map, "scope", file)};
}

}  // namespace

const CostRow* CostTable::find(Event event) const {
  const auto row = std::find_if(rows.begin(), rows.end(), [event](const CostRow& r) { return r.event == event; });
  return row == rows.end() ? nullptr : &*row;
}

CostTable parse_cost_table(std::string_view text, const std::string& file) {
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    check_keys(document, kTableKeys, file);
    CostTable table{text_of(document, "name", file), text_of(document, "summary", file), {}};
    if (!document["rows"].IsSequence()) {
      throw UsageError(fmt::format("{}: rows: give a list of rows", where(file, document["rows"])));
    }
    for (const YAML::Node& node : document["rows"]) {
      CostRow row = parse_row(node, file);
      if (table.find(row.event) != nullptr) {
        throw UsageError(
            fmt::format("{}: event '{}' has a row already: remove one", where(file, node), to_string(row.event)));
      }
      table.rows.push_back(std::move(row));
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

}  // namespace trainer
