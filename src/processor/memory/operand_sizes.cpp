#include "processor/memory/passes.h"

namespace trainer {
namespace {

int64_t tensor_bits(int64_t size, int64_t nonzeros, const ProcessorParameters& parameters) {
  const int64_t v = parameters.value_bits();
  return parameters.skip_input_zeros ? v * nonzeros + size : v * size;
}

}  // namespace

OperandSizes::OperandSizes(const PhaseShape& shape, const ProcessorParameters& parameters, const HeldCounts& held,
                           const Bitmap* X, const Bitmap* dZ, DenseInDram dense)
    : phase_(shape.phase),
      value_bits_(parameters.value_bits()),
      columns_(shape.columns()),
      skip_weights_(shape.phase == Phase::WG ? parameters.skip_pruned_gradients : parameters.skip_weight_zeros) {
  if (shape.phase != Phase::BP) {
    X_ = tensor_bits(X->shape().size(), X->nonzeros(), parameters);
    moved_X_ = dense.X ? value_bits_ * X->shape().size() : X_;
  }
  if (shape.phase != Phase::FF) {
    for (const int64_t nonzeros : dZ->channel_nonzeros()) {
      dZ_channels_.push_back(tensor_bits(shape.positions, nonzeros, parameters));
      dZ_ += dZ_channels_.back();
    }
    dense_dZ_channel_ = dense.dZ ? value_bits_ * shape.positions : 0;
    moved_dZ_ = dense.dZ ? value_bits_ * dZ->shape().size() : dZ_;
  }
  all_weights_ = weights(shape.outputs, held.total());
}

int64_t OperandSizes::weights(int64_t channels, int64_t held) const {
  if (phase_ == Phase::WG) {
    return skip_weights_ ? channels * columns_ : 0;
  }
  return skip_weights_ ? value_bits_ * held + channels * columns_ : value_bits_ * channels * columns_;
}

}  // namespace trainer
