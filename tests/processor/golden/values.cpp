#include "processor/golden/values.h"

#include <fmt/format.h>

#include <cmath>

#include "tensor/scaled_format.h"

namespace trainer::golden_test {
namespace {

/// As the engine rounds what it stores: to `precision` bits, of FP8 with so many bits of exponent.
std::vector<float> rounded(std::vector<float> values, int64_t value_bits, const FloatFormat& float8) {
  const ScaledFormat format{value_bits == 8 ? float8 : kBinary16};
  const Overflow overflow = value_bits == 8 ? Overflow::saturate : Overflow::by_definition;
  for (float& value : values) {
    value = round_to(format, value, overflow);
  }
  return values;
}

/// sign * 1.5 * 2^exponent of every value; 0 of zero and of subnormal numbers.
void keep_exponents(std::span<float> values, const FloatFormat& format) {
  for (float& value : values) {
    const bool normal = std::fabs(value) >= std::ldexp(1.0F, format.smallest_exponent());
    value = normal ? std::copysign(std::ldexp(1.5F, std::ilogb(value)), value) : 0;
  }
}

/// Z of the operands' estimates.
std::vector<float> estimates(const LayerCase& layer, int64_t value_bits) {
  const FloatFormat format = value_bits == 8 ? kE4M3 : kBinary16;
  Tensor X(layer.geometry.input());
  std::copy(layer.X.values().begin(), layer.X.values().end(), X.values().begin());
  keep_exponents(X.values(), format);
  std::vector<float> weights = layer.weights;
  keep_exponents(weights, format);
  return in_order(contract_in_processor_order(layer.geometry, X, {layer.pattern, weights}, layer.dZ).Z);
}

std::vector<float> sums_of_Z(const Case& c, const ProcessorOrder& order) {
  const LayerCase& layer = c.layer;
  std::vector<float> values =
      in_order(contract_in_processor_order(layer.geometry, layer.X, layer.W(), layer.dZ, order).Z);
  if (!c.skipped.empty() && c.processor.speculation_feedforward) {
    const std::vector<float> estimated = estimates(layer, c.processor.value_bits);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = c.skipped[i] != 0 ? estimated[i] : values[i];
    }
  }
  return values;
}

std::vector<float> sums_of_dX(const Case& c, const ProcessorOrder& order) {
  const LayerCase& layer = c.layer;
  std::vector<float> values =
      in_order(contract_in_processor_order(layer.geometry, layer.X, layer.W(), layer.dZ, order).dX);
  if (c.input_is_rectified && c.processor.speculation_backpropagation) {
    const std::vector<float> X = in_order(layer.X);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = X[i] == 0 ? 0 : values[i];
    }
  }
  return values;
}

/// Of pruned positions too, where the processor does not skip them.
std::vector<float> sums_of_dW(const Case& c, const ProcessorOrder& order) {
  const LayerCase& layer = c.layer;
  const auto every_position = Pattern::full(layer.geometry.weight_rows(), layer.geometry.weight_columns());
  std::vector<float> weights(static_cast<size_t>(every_position->size()));
  scatter(*layer.pattern, layer.weights, weights);
  std::vector<float> dW =
      contract_in_processor_order(layer.geometry, layer.X, {every_position, weights}, layer.dZ, order).dW;
  const std::vector<uint8_t> unpruned = layer.pattern->mask();
  for (size_t i = 0; i < dW.size(); ++i) {
    dW[i] = c.processor.skip_pruned_gradients && unpruned[i] == 0 ? 0.0F : dW[i];
  }
  return dW;
}

}  // namespace

std::vector<float> reference_sums(golden::Phase phase, const Case& c, const ProcessorOrder& order) {
  return phase == golden::Phase::FF   ? sums_of_Z(c, order)
         : phase == golden::Phase::BP ? sums_of_dX(c, order)
                                      : sums_of_dW(c, order);
}

std::vector<float> reference_output(golden::Phase phase, const Case& c, const ProcessorOrder& order) {
  std::vector<float> sums = reference_sums(phase, c, order);
  return phase == golden::Phase::WG
             ? sums
             : rounded(std::move(sums), c.processor.value_bits, phase == golden::Phase::FF ? kE4M3 : kE5M2);
}

std::string value_difference(const std::vector<float>& golden, const std::vector<float>& reference) {
  if (golden.size() != reference.size()) {
    return fmt::format("{} values instead of {}; ", golden.size(), reference.size());
  }
  for (size_t i = 0; i < golden.size(); ++i) {
    if (golden[i] != reference[i]) {
      return fmt::format("value {} is {} instead of {}; ", i, golden[i], reference[i]);
    }
  }
  return "";
}

}  // namespace trainer::golden_test
