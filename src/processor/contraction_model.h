#pragma once

#include "network/step_hook.h"
#include "processor/array_model.h"
#include "processor/phase_counts.h"

namespace trainer {

/// FF, BP and WG of one convolution or linear layer on one processor: the array's work turned into MACs by class,
/// cycles and events (docs/processor-contract.md, sections 5 and 6).
///
/// Throws std::logic_error when dense = effectual + skipped does not hold.
class ContractionModel {
 public:
  ContractionModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters);

  PhaseCounts feedforward(const WeightView& W, const BitmapView& X);
  PhaseCounts backpropagation(const WeightView& W, const Bitmap& dZ);
  PhaseCounts weight_gradient(const WeightView& W, const BitmapView& X, const Bitmap& dZ);

  const ConvolutionGeometry& geometry() const { return array_.grid().geometry(); }

 private:
  void hold_weights(const WeightView& W);
  PhaseCounts counts_of(const ArrayWork& work, bool lockstep) const;
  int64_t tensor_bits(const Bitmap& bitmap) const;
  int64_t weight_bits() const;

  const ProcessorParameters& parameters_;
  ArrayModel array_;
  HeldWeights held_;
};

}  // namespace trainer
