#pragma once

#include "processor/parameters.h"

namespace trainer {

/// A built-in processor's name, or a path (contains '/' or ends with .yaml), with its overrides applied.
/// Throws UsageError: unknown name (the message lists the known ones), unreadable file, or what parse_processor finds.
ProcessorParameters load_processor(const std::string& name_or_file, const std::vector<std::string>& overrides);

}  // namespace trainer
