#include "run/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/error.h"

namespace trainer {
namespace {

std::string range_text(const RunOption& option) { return fmt::format("{:.15g} .. {:.15g}", option.low, option.high); }

template <typename Number>
Number parse_number(const RunOption& option, const std::string& text, std::string_view where, std::string_view kind) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || stopped != end) {
    throw UsageError(fmt::format("{}: '{}' is not {}; give {}", where, text, kind, range_text(option)));
  }
  const auto as_double = static_cast<double>(value);
  // Written so that a NaN is out of range.
  const bool in_range = as_double >= option.low && as_double <= option.high;
  if (error != std::errc() || !in_range) {
    throw UsageError(fmt::format("{}: {} is out of range; give {}", where, text, range_text(option)));
  }
  return value;
}

bool parse_bool(const std::string& text, std::string_view where) {
  if (text == "true" || text == "on" || text == "yes") {
    return true;
  }
  if (text == "false" || text == "off" || text == "no") {
    return false;
  }
  throw UsageError(fmt::format("{}: '{}' is neither true nor false", where, text));
}

void check_choice(const RunOption& option, const std::string& text, std::string_view where) {
  const auto& choices = option.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    throw UsageError(fmt::format("{}: '{}' is not supported; choose {}", where, text, fmt::join(choices, ", ")));
  }
  if (text.empty()) {
    throw UsageError(fmt::format("{}: the value is empty", where));
  }
}

void assign(RunConfig& config, const RunOption& option, std::span<const std::string> values, std::string_view where) {
  std::visit(
      [&](auto member) {
        auto& target = config.*member;
        using T = std::remove_reference_t<decltype(target)>;
        if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          for (const std::string& value : values) {
            check_choice(option, value, where);
          }
          target.assign(values.begin(), values.end());
        } else {
          if (values.size() != 1) {
            throw UsageError(fmt::format("{}: give one value, not {}", where, values.size()));
          }
          const std::string& text = values.front();
          if constexpr (std::is_same_v<T, std::string>) {
            check_choice(option, text, where);
            target = text;
          } else if constexpr (std::is_same_v<T, bool>) {
            target = parse_bool(text, where);
          } else if constexpr (std::is_same_v<T, double>) {
            target = parse_number<double>(option, text, where, "a number");
          } else {
            target = parse_number<int64_t>(option, text, where, "a whole number");
          }
        }
      },
      option.member);
}

}  // namespace

const RunOption* find_run_option(std::string_view key) {
  const auto& options = run_options();
  const auto found = std::find_if(options.begin(), options.end(), [&](const RunOption& o) { return o.key == key; });
  return found == options.end() ? nullptr : &*found;
}

std::vector<std::string> run_option_keys() {
  std::vector<std::string> keys;
  for (const RunOption& option : run_options()) {
    keys.emplace_back(option.key);
  }
  return keys;
}

RunConfig default_config() {
  RunConfig config;
  for (const RunOption& option : run_options()) {
    if (!option.default_value.empty()) {
      const std::string value(option.default_value);
      assign(config, option, std::span(&value, 1), option.key);
    }
  }
  return config;
}

void set_option(RunConfig& config, const RunOption& option, std::span<const std::string> values,
                std::string_view where) {
  assign(config, option, values, where);
  config.given.emplace(option.key);
}

std::vector<std::string> option_values(const RunConfig& config, const RunOption& option) {
  return std::visit(
      [&](auto member) -> std::vector<std::string> {
        const auto& value = config.*member;
        using T = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return value;
        } else {
          return {fmt::format("{}", value)};
        }
      },
      option.member);
}

std::string describe_values(const RunOption& option) {
  std::string text;
  if (!option.choices.empty()) {
    text = fmt::format("{}", fmt::join(option.choices, " | "));
  } else if (option.high > option.low) {
    text = range_text(option);
  }
  const std::string_view value = option.derived.empty() ? option.default_value : option.derived;
  return fmt::format("{}{}default {}", text, text.empty() ? "" : "; ", value);
}

nlohmann::json to_json(const RunConfig& config) {
  nlohmann::json document = nlohmann::json::object();
  for (const RunOption& option : run_options()) {
    std::visit([&](auto member) { document[std::string(option.key)] = config.*member; }, option.member);
  }
  return document;
}

}  // namespace trainer
