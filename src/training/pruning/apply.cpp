#include "training/pruning/apply.h"

#include <utility>

namespace trainer {

void apply_pattern(Parameter& weight, std::shared_ptr<const Pattern> pattern) {
  weight.value = carry_over(*weight.pattern, weight.value, *pattern, 0.0F);
  // A fresh array, not a resized one, so that the memory of pruned weights is really given back.
  weight.gradient = AlignedVector<float>(static_cast<size_t>(pattern->nonzeros()), 0.0F);
  weight.pattern = std::move(pattern);
}

}  // namespace trainer
