#include "kernels/convolution/processor_order.h"

#include <algorithm>
#include <functional>

namespace trainer {
namespace {

/// Some of the weights.
struct Part {
  std::shared_ptr<const Pattern> pattern;
  std::vector<float> values;

  WeightView view() const { return {pattern, values}; }
};

/// Those for which takes(row, column) holds.
template <typename Takes>
Part part_of(const WeightView& W, const Takes& takes) {
  const Pattern& all = *W.pattern;
  std::vector<uint8_t> kept = all.mask();
  for (size_t i = 0; i < kept.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    kept[i] = kept[i] != 0 && takes(at / all.columns(), at % all.columns()) ? 1 : 0;
  }
  Part part{Pattern::from_mask(all.rows(), all.columns(), kept), {}};
  std::vector<float> dense(kept.size());
  scatter(all, W.values, dense);
  part.values.resize(static_cast<size_t>(part.pattern->nonzeros()));
  gather(*part.pattern, dense, part.values);
  return part;
}

/// Of `inputs` input channels, those of slice d.
struct Slice {
  int64_t begin, end;

  Slice(int64_t inputs, int64_t d, int64_t slices) : begin(d * inputs / slices), end((d + 1) * inputs / slices) {}
  bool has(int64_t input) const { return begin <= input && input < end; }
};

void add(const Tensor& part, Tensor& sum) {
  std::ranges::transform(sum.values(), part.values(), sum.values().begin(), std::plus<>());
}

}  // namespace

ContractionValues contract_in_processor_order(const ConvolutionGeometry& geometry, const Tensor& X, const WeightView& W,
                                              const Tensor& dZ, const ProcessorOrder& order) {
  const auto reference = make_reference_convolution(geometry, order.tile);
  ContractionValues values{Tensor(geometry.output()), Tensor(geometry.input()), std::vector<float>(W.values.size())};
  const int64_t kernel = geometry.r * geometry.s;
  const int64_t group_inputs = geometry.c / geometry.groups;
  const int64_t group_outputs = geometry.k / geometry.groups;
  Tensor Z(geometry.output());
  Tensor dX(geometry.input());
  for (int64_t d = 0; d < order.slices; ++d) {
    const Slice of_FF(group_inputs, d, order.slices);
    const Part W_of_FF = part_of(W, [&](int64_t, int64_t column) { return of_FF.has(column / kernel); });
    reference->feedforward(X, W_of_FF.view(), Z);
    add(Z, values.Z);
    const Slice of_BP(group_outputs, d, order.slices);
    const Part W_of_BP = part_of(W, [&](int64_t k, int64_t) { return of_BP.has(k % group_outputs); });
    reference->backpropagate(dZ, W_of_BP.view(), dX, false);
    add(dX, values.dX);
  }
  reference->weight_gradient(dZ, X, W.pattern, values.dW);
  return values;
}

}  // namespace trainer
