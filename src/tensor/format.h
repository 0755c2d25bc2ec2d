#pragma once

#include <cstdint>
#include <string_view>

namespace trainer {

/// How the values of a tensor are stored. Arithmetic is FP32 whatever the format.
enum class Format {
  fp32,
  fp16,  ///< IEEE 754 binary16, rounded to nearest even when stored
};

std::string_view to_string(Format format);

inline constexpr int64_t bytes_of(Format format) { return format == Format::fp16 ? 2 : 4; }

}  // namespace trainer
