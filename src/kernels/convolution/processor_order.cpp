#include "kernels/convolution/processor_order.h"

namespace trainer {

ContractionValues contract_in_processor_order(const ConvolutionGeometry& geometry, const Tensor& X, const WeightView& W,
                                              const Tensor& dZ) {
  const auto reference = make_convolution(KernelPath::reference, geometry);
  ContractionValues values{Tensor(geometry.output()), Tensor(geometry.input()), std::vector<float>(W.values.size())};
  reference->feedforward(X, W, values.Z);
  reference->backpropagate(dZ, W, values.dX, false);
  reference->weight_gradient(dZ, X, W.pattern, values.dW);
  return values;
}

}  // namespace trainer
