#include "processor/dataflow/dataflow.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "processor/parameters.h"

namespace trainer {

std::string_view to_string(Compress compress) {
  return compress == Compress::weight ? "weight-compressed" : "activation-compressed";
}

std::string_view to_string(Assignment assignment) {
  return assignment == Assignment::in_order ? "in-order" : assignment == Assignment::balanced ? "balanced" : "dynamic";
}

std::string to_string(const Grouping& grouping) {
  return fmt::format("{}x{}x{}", grouping.output_channels, grouping.positions, grouping.input_channels);
}

std::string to_string(const Dataflow& dataflow) {
  return fmt::format("{} {} {}", to_string(dataflow.compress), to_string(dataflow.grouping),
                     to_string(dataflow.assignment));
}

std::optional<Grouping> parse_grouping(std::string_view text) {
  std::array<int64_t, 3> parts{};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != 'x')) {
      return std::nullopt;
    }
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc() || parts[i] < 1 || parts[i] > 4096 ||
        !std::has_single_bit(static_cast<uint64_t>(parts[i]))) {
      return std::nullopt;
    }
    at = next;
  }
  if (at != end) {
    return std::nullopt;
  }
  return Grouping{parts[0], parts[1], parts[2]};
}

std::vector<Dataflow> all_dataflows(const ProcessorParameters& parameters) {
  std::vector<Dataflow> dataflows;
  for (const Compress compress : {Compress::weight, Compress::activation}) {
    if (compress == Compress::activation && parameters.tile % (8 * parameters.lanes) != 0) {
      continue;
    }
    for (int64_t gk = parameters.groups; gk >= 1; gk /= 2) {
      for (int64_t gp = parameters.groups / gk; gp >= 1; gp /= 2) {
        const Grouping grouping{gk, gp, parameters.groups / gk / gp};
        for (const Assignment assignment : {Assignment::in_order, Assignment::balanced, Assignment::dynamic}) {
          // Items that choose their group treat gk and gp alike.
          if (assignment != Assignment::dynamic || gp == 1 || to_string(grouping) == parameters.grouping) {
            dataflows.push_back({compress, grouping, assignment});
          }
        }
      }
    }
  }
  return dataflows;
}

std::vector<Dataflow> candidate_dataflows(const ProcessorParameters& parameters) {
  std::vector<Dataflow> candidates = all_dataflows(parameters);
  const auto pinned = [](std::string_view key, std::string_view value) { return key == "adaptive" || key == value; };
  std::erase_if(candidates, [&](const Dataflow& dataflow) {
    return !pinned(parameters.dataflow, to_string(dataflow.compress)) ||
           !pinned(parameters.grouping, to_string(dataflow.grouping)) ||
           !pinned(parameters.assignment, to_string(dataflow.assignment));
  });
  return candidates;
}

}  // namespace trainer
