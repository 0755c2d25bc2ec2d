#pragma once

#include <span>
#include <string_view>

#include "tensor/shape.h"

namespace trainer::layers {

/// Throws UsageError unless there are `wanted` inputs.
void require_inputs(std::string_view kind, std::span<const Shape> inputs, size_t wanted);

}  // namespace trainer::layers
