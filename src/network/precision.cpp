#include "network/precision.h"

#include <fmt/format.h>

#include "base/error.h"
#include "kernels/elementwise/round_values.h"

namespace trainer {

Precision Precision::fp8(const FloatFormat& forward, const FloatFormat& gradient) {
  Precision precision;
  precision.kind = Kind::fp8;
  precision.forward = forward;
  precision.gradient = gradient;
  return precision;
}

ScaledFormat Precision::round_weights(std::span<const float> values, std::span<float> rounded) const {
  const bool scaled = kind == Kind::fp8;
  const ScaledFormat format = scaled ? scaled_for(forward, largest_magnitude(values)) : ScaledFormat{kBinary16, 0};
  round_values(format, scaled ? Overflow::saturate : Overflow::by_definition, values, rounded);
  return format;
}

std::string_view to_string(Precision::Kind kind) {
  switch (kind) {
    case Precision::Kind::fp32:
      return "fp32";
    case Precision::Kind::fp16:
      return "fp16";
    case Precision::Kind::fp8:
      return "fp8";
  }
  return "";
}

Precision parse_precision(std::string_view kind, std::string_view fp8_formats) {
  using Kind = Precision::Kind;
  Precision precision;
  for (const Kind known : {Kind::fp32, Kind::fp16, Kind::fp8}) {
    if (to_string(known) == kind) {
      precision.kind = known;
      const size_t comma = fp8_formats.find(',');
      if (comma == std::string_view::npos) {
        throw UsageError(
            fmt::format("fp8-format: '{}' has no comma: give FORWARD,GRADIENT, such as e4m3,e5m2", fp8_formats));
      }
      try {
        precision.forward = parse_float8(fp8_formats.substr(0, comma));
        precision.gradient = parse_float8(fp8_formats.substr(comma + 1));
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("fp8-format: {}", error.what()));
      }
      return precision;
    }
  }
  throw UsageError(fmt::format("unknown precision '{}': choose fp32, fp16 or fp8", kind));
}

}  // namespace trainer
