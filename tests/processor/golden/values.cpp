#include "processor/golden/values.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/convolution/paths.h"
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
std::vector<float> estimates(const LayerCase& layer, Convolution& convolution, int64_t value_bits) {
  const FloatFormat format = value_bits == 8 ? kE4M3 : kBinary16;
  Tensor X(layer.geometry.input());
  std::copy(layer.X.values().begin(), layer.X.values().end(), X.values().begin());
  keep_exponents(X.values(), format);
  std::vector<float> weights = layer.weights;
  keep_exponents(weights, format);
  Tensor Z(layer.geometry.output());
  convolution.feedforward(X, {layer.pattern, weights}, Z);
  return in_order(Z);
}

}  // namespace

std::vector<float> reference_output(golden::Phase phase, const Case& c) {
  const LayerCase& layer = c.layer;
  const int64_t v = c.processor.value_bits;
  const auto convolution = make_reference_convolution(layer.geometry);
  switch (phase) {
    case golden::Phase::FF: {
      Tensor Z(layer.geometry.output());
      convolution->feedforward(layer.X, layer.W(), Z);
      std::vector<float> values = in_order(Z);
      if (!c.skipped.empty() && c.processor.speculation_feedforward) {
        const std::vector<float> estimated = estimates(layer, *convolution, v);
        for (size_t i = 0; i < values.size(); ++i) {
          values[i] = c.skipped[i] != 0 ? estimated[i] : values[i];
        }
      }
      return rounded(std::move(values), v, kE4M3);
    }
    case golden::Phase::BP: {
      Tensor dX(layer.geometry.input());
      convolution->backpropagate(layer.dZ, layer.W(), dX, false);
      std::vector<float> values = in_order(dX);
      if (c.input_is_rectified && c.processor.speculation_backpropagation) {
        const std::vector<float> X = in_order(layer.X);
        for (size_t i = 0; i < values.size(); ++i) {
          values[i] = X[i] == 0 ? 0 : values[i];
        }
      }
      return rounded(std::move(values), v, kE5M2);
    }
    case golden::Phase::WG:
      break;
  }
  const auto every_position = Pattern::full(layer.geometry.weight_rows(), layer.geometry.weight_columns());
  std::vector<float> dW(static_cast<size_t>(every_position->size()));
  convolution->weight_gradient(layer.dZ, layer.X, every_position, dW);
  const std::vector<uint8_t> unpruned = layer.pattern->mask();
  for (size_t i = 0; i < dW.size(); ++i) {
    dW[i] = c.processor.skip_pruned_gradients && unpruned[i] == 0 ? 0.0F : dW[i];
  }
  return dW;
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
