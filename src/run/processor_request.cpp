#include "run/processor_request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "processor/processor_file.h"

namespace trainer {

ProcessorText parse_processor_text(std::string_view text) {
  ProcessorText parsed;
  const size_t equals = text.find('=');
  const size_t colon = equals == std::string_view::npos ? equals : text.rfind(':', equals);
  parsed.name_or_file = text.substr(0, colon);
  while (colon != std::string_view::npos && !text.empty()) {
    text.remove_prefix(parsed.overrides.empty() ? colon + 1 : 1);
    const size_t end = std::min(text.find(':'), text.size());
    parsed.overrides.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return parsed;
}

std::string to_string(const ProcessorText& text) {
  return text.overrides.empty() ? text.name_or_file
                                : fmt::format("{}:{}", text.name_or_file, fmt::join(text.overrides, ":"));
}

ProcessorRequest processor_request(std::string_view text, const std::vector<std::string>& set) {
  const ProcessorText parsed = parse_processor_text(text);
  ProcessorRequest request{parsed.name_or_file, set};
  if (parsed.overrides.empty()) {
    return request;
  }
  const bool named = std::any_of(parsed.overrides.begin(), parsed.overrides.end(),
                                 [](const std::string& entry) { return entry.starts_with("name="); });
  if (!named) {
    const std::string base = load_processor(parsed.name_or_file, set).name;
    request.overrides.push_back("name=" + to_string(ProcessorText{base, parsed.overrides}));
  }
  request.overrides.insert(request.overrides.end(), parsed.overrides.begin(), parsed.overrides.end());
  return request;
}

}  // namespace trainer
