#pragma once

#include "network/step_hook.h"
#include "processor/parameters.h"
#include "processor/phase_counts.h"

namespace trainer {

/// BN of one layer, forward and backward: closed forms of docs/processor-contract.md, section 10.
PhaseCounts batchnorm_feedforward(const BatchNormLayer& layer, const ProcessorParameters& parameters);
PhaseCounts batchnorm_backpropagation(const BatchNormLayer& layer, const ProcessorParameters& parameters);

/// UP of `elements` trained values (SGD with momentum and weight decay): section 11 of the same.
PhaseCounts update(int64_t elements, const ProcessorParameters& parameters);

}  // namespace trainer
