#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "processor/simulation.h"

namespace trainer {

/// "trainer-28nm:batchnorm.unit=conventional" in its parts: a processor, and what this variant of it overrides.
struct ProcessorText {
  std::string name_or_file;
  std::vector<std::string> overrides;  ///< "key=value"; empty for no variant
};

/// Parts are separated by ':'; the first that has a '=' begins the overrides. A path may contain ':' before that.
ProcessorText parse_processor_text(std::string_view text);
std::string to_string(const ProcessorText& text);

/// What --processor `text` beside --set `set` attaches. A variant's own overrides win over `set`; it is named after
/// its text, such as "trainer-28nm:batchnorm.unit=conventional", unless it overrides `name`. Throws UsageError for a
/// processor that does not exist, or a `set` that it cannot take.
ProcessorRequest processor_request(std::string_view text, const std::vector<std::string>& set);

}  // namespace trainer
