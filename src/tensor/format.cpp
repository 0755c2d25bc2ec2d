#include "tensor/format.h"

namespace trainer {

std::string_view to_string(Format format) { return format == Format::fp16 ? "fp16" : "fp32"; }

}  // namespace trainer
