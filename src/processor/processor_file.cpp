#include "processor/processor_file.h"

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/error.h"
#include "processor/keyed_yaml.h"
#include "processor/simulation.h"

namespace trainer {
namespace {

std::string file_of(const embedded::File& file) { return fmt::format("processors/{}.yaml", file.name); }

}  // namespace

ProcessorParameters load_processor(const std::string& name_or_file, const std::vector<std::string>& overrides) {
  if (name_or_file.find('/') != std::string::npos || name_or_file.ends_with(".yaml")) {
    return parse_processor(read_text_file(name_or_file), name_or_file, overrides);
  }
  std::vector<std::string_view> known;
  for (const embedded::File& file : embedded::processors()) {
    if (file.name == name_or_file) {
      return parse_processor(file.text, file_of(file), overrides);
    }
    known.push_back(file.name);
  }
  throw UsageError(fmt::format("unknown processor '{}': choose one of {}, or give a path with '/' or ending in .yaml",
                               name_or_file, fmt::join(known, ", ")));
}

const std::vector<ProcessorEntry>& processor_list() {
  static const std::vector<ProcessorEntry> kList = [] {
    std::vector<ProcessorEntry> list;
    for (const embedded::File& file : embedded::processors()) {
      list.push_back({std::string(file.name), parse_processor(file.text, file_of(file), {}).summary});
    }
    return list;
  }();
  return kList;
}

}  // namespace trainer
