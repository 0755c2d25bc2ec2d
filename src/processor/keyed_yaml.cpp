#include "processor/keyed_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "base/nearest.h"

namespace trainer {
namespace {

void collect(const YAML::Node& node, const std::string& prefix, const std::string& file,
             std::vector<YamlScalar>& scalars) {
  const int line = node.Mark().line + 1;
  if (node.IsMap()) {
    for (const auto& entry : node) {
      const auto name = entry.first.as<std::string>();
      collect(entry.second, prefix.empty() ? name : fmt::format("{}.{}", prefix, name), file, scalars);
    }
  } else if (node.IsScalar() && !prefix.empty()) {
    scalars.push_back({prefix, node.Scalar(), line});
  } else {
    throw UsageError(fmt::format("{}:{}: {}: expected a single value or a map of keys", file, std::max(line, 1),
                                 prefix.empty() ? "the file" : prefix));
  }
}

std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

std::vector<YamlScalar> read_keyed_yaml(std::string_view text, const std::string& file) {
  std::vector<YamlScalar> scalars;
  try {
    collect(YAML::Load(std::string(text)), "", file, scalars);
  } catch (const YAML::Exception& error) {
    throw UsageError(fmt::format("{}:{}: not valid YAML: {}", file, std::max(error.mark.line + 1, 1), error.msg));
  }
  return scalars;
}

std::string_view nearest_key(std::string_view name, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  size_t best_distance = std::numeric_limits<size_t>::max();
  for (const std::string_view candidate : candidates) {
    const size_t moved = edit_distance(last_part(name), last_part(candidate)) + 1;
    const size_t distance = std::min(edit_distance(name, candidate), moved);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string read_text_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream) {
    text << stream.rdbuf();
  }
  if (!stream || text.fail()) {
    throw UsageError(fmt::format("cannot read file '{}': check that it exists and is a readable file", path));
  }
  return text.str();
}

}  // namespace trainer
