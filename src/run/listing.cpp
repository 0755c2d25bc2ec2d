#include "run/listing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "cost/table.h"
#include "data/dataset.h"
#include "network/named/models.h"
#include "processor/simulation.h"
#include "run/kernel_note.h"
#include "training/optimizer.h"
#include "training/pruning/method.h"
#include "training/schedule.h"

namespace trainer {
namespace {

struct Line {
  std::string name;
  std::string summary;
};

struct Section {
  std::string name;
  std::vector<Line> (*lines)();
};

template <typename Entries>
std::vector<Line> to_lines(const Entries& entries) {
  std::vector<Line> lines;
  for (const auto& entry : entries) {
    lines.push_back({std::string(entry.name), std::string(entry.summary)});
  }
  return lines;
}

std::vector<Line> kernel_lines() {
  std::vector<Line> lines;
  for (const KernelEntry& entry : kernel_list()) {
    lines.push_back({std::string(entry.operation), fmt::format("{}: {}", fmt::join(entry.paths, ", "), entry.summary)});
  }
  return lines;
}

std::vector<Line> operating_point_lines() {
  std::vector<Line> lines;
  for (const CostTable& table : cost_table_list()) {
    for (const OperatingPoint& point : table.operating_points) {
      lines.push_back(
          {fmt::format("{} {:.2f} V", table.name, point.voltage_V),
           fmt::format("voltage_V={:g} clock_MHz={:g} at most; {}", point.voltage_V, point.clock_MHz, point.source)});
    }
  }
  return lines;
}

/// The visible table of what can be listed.
const std::vector<Section>& sections() {
  static const std::vector<Section> all = {
      {"models", [] { return to_lines(model_list()); }},
      {"data", [] { return to_lines(dataset_list()); }},
      {"processors", [] { return to_lines(processor_list()); }},
      {"costs", [] { return to_lines(cost_table_list()); }},
      {"operating-points", operating_point_lines},
      {"methods", [] { return to_lines(pruning_method_list()); }},
      {"optimizers", [] { return to_lines(optimizer_list()); }},
      {"schedules", [] { return to_lines(schedule_list()); }},
      {"kernels", kernel_lines},
  };
  return all;
}

std::string section_text(const std::vector<Line>& lines, std::string_view indent) {
  size_t width = 0;
  for (const Line& line : lines) {
    width = std::max(width, line.name.size());
  }
  std::string text;
  for (const Line& line : lines) {
    text += fmt::format("{}{:<{}}  {}\n", indent, line.name, width, line.summary);
  }
  return text;
}

nlohmann::json section_json(const std::vector<Line>& lines) {
  nlohmann::json entries = nlohmann::json::array();
  for (const Line& line : lines) {
    entries.push_back({{"name", line.name}, {"summary", line.summary}});
  }
  return entries;
}

}  // namespace

std::vector<std::string> listing_names() {
  std::vector<std::string> names;
  for (const Section& section : sections()) {
    names.push_back(section.name);
  }
  return names;
}

std::string listing(const std::string& what, bool json) {
  if (what.empty()) {
    nlohmann::json document;
    std::string text;
    for (const Section& section : sections()) {
      const std::vector<Line> lines = section.lines();
      document[section.name] = section_json(lines);
      text += fmt::format("{}{}:\n{}", text.empty() ? "" : "\n", section.name, section_text(lines, "  "));
    }
    return json ? document.dump(2) + "\n" : text;
  }
  for (const Section& section : sections()) {
    if (section.name == what) {
      const std::vector<Line> lines = section.lines();
      return json ? section_json(lines).dump(2) + "\n" : section_text(lines, "");
    }
  }
  throw UsageError(fmt::format("list: there is no list of '{}'{}; choose {}", what, did_you_mean(what, listing_names()),
                               fmt::join(listing_names(), ", ")));
}

}  // namespace trainer
