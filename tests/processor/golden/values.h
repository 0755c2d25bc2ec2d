#pragma once

#include <string>
#include <vector>

#include "kernels/convolution/processor_order.h"
#include "processor/golden/case.h"

namespace trainer::golden_test {

/// What a phase of the layer must give, by the engine: Z, dX or dW (0 where the processor holds nothing).
std::vector<float> reference_output(golden::Phase phase, const Case& c, const ProcessorOrder& order = {});
/// The same not rounded yet, in FP32.
std::vector<float> reference_sums(golden::Phase phase, const Case& c, const ProcessorOrder& order = {});
/// "" where they are equal, else the first value that is not.
std::string value_difference(const std::vector<float>& golden, const std::vector<float>& reference);

}  // namespace trainer::golden_test
