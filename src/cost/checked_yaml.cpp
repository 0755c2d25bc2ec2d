#include "cost/checked_yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "cost/scaling.h"
#include "processor/keyed_yaml.h"

namespace trainer {
namespace {

std::string where(const std::string& file, const YAML::Node& node) {
  return fmt::format("{}:{}", file, std::max(node.Mark().line + 1, 1));
}

}  // namespace

CheckedMap::CheckedMap(const YAML::Node& map, const std::string& file, const std::vector<std::string_view>& required,
                       const std::vector<std::string_view>& optional)
    : map_(map), file_(file) {
  std::vector<std::string_view> known = required;
  known.insert(known.end(), optional.begin(), optional.end());
  if (!map.IsMap()) {
    throw UsageError(fmt::format("{}: expected a map with the keys {}", where(file, map), fmt::join(known, ", ")));
  }
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw UsageError(fmt::format("{}: unknown key '{}': did you mean '{}'?", where(file, entry.first), key,
                                   nearest_key(key, known)));
    }
  }
  for (const std::string_view key : required) {
    if (!map[std::string(key)]) {
      throw UsageError(fmt::format("{}: missing key '{}': add it", where(file, map), key));
    }
  }
}

void CheckedMap::fail(const char* key, const std::string& message) const {
  throw UsageError(fmt::format("{}: {}: {}", where(file_, map_[key]), key, message));
}

std::string CheckedMap::text(const char* key) const {
  const YAML::Node node = map_[key];
  if (!node.IsScalar() || node.Scalar().empty()) {
    fail(key, "give a non-empty text");
  }
  return node.Scalar();
}

double CheckedMap::number(const char* key) const {
  const YAML::Node node = map_[key];
  double value = 0;
  if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value) || value < 0) {
    fail(key, "give a number that is not negative");
  }
  return value;
}

double CheckedMap::positive_number(const char* key) const {
  const double value = number(key);
  if (value == 0) {
    fail(key, "give a number above 0");
  }
  return value;
}

size_t CheckedMap::choice(const char* key, std::string_view what, const std::vector<std::string_view>& names) const {
  const std::string name = text(key);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw UsageError(fmt::format("{}: unknown {} '{}': did you mean '{}'?", where(file_, map_[key]), what, name,
                                 nearest_key(name, names)));
  }
  return static_cast<size_t>(found - names.begin());
}

double CheckedMap::node_nm(const char* key) const {
  std::string number = text(key);
  if (!std::string_view(key).ends_with("_nm")) {
    if (!number.ends_with(" nm")) {
      fail(key, fmt::format("'{}' will not do: give the node that the value is of, such as 45 nm", number));
    }
    number.resize(number.size() - 3);
  }
  double value = 0;
  if (!YAML::convert<double>::decode(YAML::Node(number), value) ||
      !(value >= kSmallestNode_nm && value <= kLargestNode_nm)) {
    fail(key, fmt::format("'{}' will not do: nodes that can be scaled are {:g} to {:g} nm", text(key), kSmallestNode_nm,
                          kLargestNode_nm));
  }
  return value;
}

std::vector<YAML::Node> CheckedMap::list(const char* key) const {
  const YAML::Node node = map_[key];
  if (!node.IsSequence() || node.size() == 0) {
    fail(key, "give a list");
  }
  return {node.begin(), node.end()};
}

}  // namespace trainer
