#include "processor/golden/values.h"

#include <fmt/format.h>

#include "kernels/convolution/paths.h"

namespace trainer::golden_test {

std::vector<float> reference_output(golden::Phase phase, const Case& c) {
  const LayerCase& layer = c.layer;
  const auto convolution = make_reference_convolution(layer.geometry);
  switch (phase) {
    case golden::Phase::FF: {
      Tensor Z(layer.geometry.output());
      convolution->feedforward(layer.X, layer.W(), Z);
      return in_order(Z);
    }
    case golden::Phase::BP: {
      Tensor dX(layer.geometry.input());
      convolution->backpropagate(layer.dZ, layer.W(), dX, false);
      return in_order(dX);
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
