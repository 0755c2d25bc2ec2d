#pragma once

#include <vector>

#include "processor/golden/machine.h"
#include "processor/golden/stream_unit.h"

namespace trainer::golden {

/// The BN unit's work as stages that count what they do (contract, section 10). `layer`, `processor` and `result` must
/// outlive them; result.output must have the layer's size.
std::vector<Stage> batchnorm_feedforward_stages(const BatchNorm& layer, const Processor& processor, Result& result);
std::vector<Stage> batchnorm_backpropagation_stages(const BatchNorm& layer, const Processor& processor, Result& result);

}  // namespace trainer::golden
