#include "tensor/format.h"

#include <fmt/format.h>

#include "base/error.h"

namespace trainer {

std::string_view to_string(Format format) { return format == Format::fp16 ? "fp16" : "fp32"; }

Format parse_format(std::string_view name) {
  for (const Format format : {Format::fp32, Format::fp16}) {
    if (to_string(format) == name) {
      return format;
    }
  }
  throw UsageError(fmt::format("unknown precision '{}': choose fp32 or fp16", name));
}

}  // namespace trainer
