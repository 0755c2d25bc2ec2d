#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tensor/format.h"
#include "tensor/scaled_format.h"

namespace trainer {

/// The number format of a training's operands: weights as FF and BP multiply with them, activations, and gradients of
/// activations (docs/precision.md). Sums, statistics, gradients of parameters, optimiser and master weights are FP32.
struct Precision {
  enum class Kind {
    fp32,
    fp16,  ///< binary16
    fp8,   ///< 8 bits, with a scale for each tensor
  };

  Precision() = default;
  Precision(Format storage)  // NOLINT(google-explicit-constructor): what is stored in FP16 has FP16 operands
      : kind(storage == Format::fp16 ? Kind::fp16 : Kind::fp32) {}
  static Precision fp8(const FloatFormat& forward = kE4M3, const FloatFormat& gradient = kE5M2);

  Kind kind = Kind::fp32;
  FloatFormat forward = kE4M3;   ///< of weights and activations; fp8 alone
  FloatFormat gradient = kE5M2;  ///< of gradients; fp8 alone

  /// FP8 values are kept in FP32 tensors, which hold them exactly.
  Format storage() const { return kind == Kind::fp16 ? Format::fp16 : Format::fp32; }
  /// In FP16 and FP8: `rounded` gets what FF and BP multiply with, values of the format returned.
  ScaledFormat round_weights(std::span<const float> values, std::span<float> rounded) const;
};

/// `fp32`, `fp16` or `fp8`.
std::string_view to_string(Precision::Kind kind);
/// `fp8_formats`: FORWARD,GRADIENT, as in `e4m3,e5m2`. Throws UsageError, which for these begins with "fp8-format: ".
Precision parse_precision(std::string_view kind, std::string_view fp8_formats = "e4m3,e5m2");

}  // namespace trainer
