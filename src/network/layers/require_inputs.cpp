#include "network/layers/require_inputs.h"

#include <fmt/format.h>

#include "base/error.h"

namespace trainer::layers {

void require_inputs(std::string_view kind, std::span<const Shape> inputs, size_t wanted) {
  if (inputs.size() != wanted) {
    throw UsageError(fmt::format("{} takes {} input{}, not {}", kind, wanted, wanted == 1 ? "" : "s", inputs.size()));
  }
}

}  // namespace trainer::layers
