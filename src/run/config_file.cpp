#include "run/config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/nearest.h"

namespace trainer {
namespace {

constexpr std::string_view kResolved = "resolved";

std::string place(const std::filesystem::path& file, const YAML::Mark& mark) {
  return mark.is_null() ? file.string() : fmt::format("{}:{}", file.string(), mark.line + 1);
}

YAML::Node parse(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  if (!in.is_open() || std::filesystem::is_directory(file)) {
    throw UsageError(fmt::format("{}: cannot be read; give a YAML file of options", file.string()));
  }
  try {
    return YAML::Load(text.str());
  } catch (const YAML::ParserException& error) {
    throw UsageError(fmt::format("{}: not valid YAML: {}", place(file, error.mark), error.msg));
  }
}

std::vector<std::string> scalars(const YAML::Node& value, const std::string& where) {
  std::vector<std::string> values;
  if (value.IsScalar()) {
    values.push_back(value.Scalar());
  } else if (value.IsSequence()) {
    for (const YAML::Node& entry : value) {
      if (!entry.IsScalar()) {
        throw UsageError(fmt::format("{}: every entry of the list must be a plain value", where));
      }
      values.push_back(entry.Scalar());
    }
  } else {
    throw UsageError(fmt::format("{}: give a plain value or a list, not {}", where,
                                 value.IsMap() ? "a mapping" : "nothing; leave the key out for its default"));
  }
  return values;
}

void emit(YAML::Emitter& out, const nlohmann::json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, entry] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, entry);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const nlohmann::json& entry : value) {
      emit(out, entry);
    }
    out << YAML::EndSeq;
  } else {
    out << (value.is_string() ? value.get<std::string>() : value.dump());
  }
}

}  // namespace

void read_config_file(const std::filesystem::path& file, RunConfig& config) {
  const YAML::Node root = parse(file);
  if (root.IsNull()) {
    return;
  }
  if (!root.IsMap()) {
    throw UsageError(fmt::format("{}: a configuration is a mapping, `key: value` on each line", file.string()));
  }
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const std::string at = place(file, entry.first.Mark());
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (key == kResolved) {
      continue;
    }
    const RunOption* option = find_run_option(key);
    if (option == nullptr) {
      throw UsageError(fmt::format("{}: unknown option '{}'{}; `trainer train --help` lists all", at, key,
                                   did_you_mean(key, run_option_keys())));
    }
    if (!seen.insert(key).second) {
      throw UsageError(fmt::format("{}: '{}' is given twice; remove one", at, key));
    }
    const std::string where = fmt::format("{}: {}", at, key);
    const std::vector<std::string> values = scalars(entry.second, where);
    // Checked even where the command line wins: a mistake in the file is never passed over.
    RunConfig checked = config;
    set_option(checked, *option, values, where);
    if (!config.is_given(key)) {
      config = std::move(checked);
    }
  }
}

std::string config_yaml(const RunConfig& config, const nlohmann::json& resolved) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  for (const RunOption& option : run_options()) {
    const std::vector<std::string> values = option_values(config, option);
    if (std::holds_alternative<std::vector<std::string> RunConfig::*>(option.member)) {
      out << YAML::Key << std::string(option.key) << YAML::Value << YAML::Flow << values;
    } else if (!values.front().empty()) {
      out << YAML::Key << std::string(option.key) << YAML::Value << values.front();
    }
  }
  out << YAML::Key << std::string(kResolved) << YAML::Value;
  emit(out, resolved);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace trainer
