#pragma once

#include <string>

#include "processor/golden/machine.h"
#include "processor/random_layer.h"

namespace trainer::golden_test {

/// A layer and a processor that both models run.
struct Case {
  LayerCase layer;
  ProcessorParameters processor;
  std::string text;  ///< all that is needed to make it again
};

/// The case of this number: any small layer on any small array with any capabilities.
Case random_case(uint64_t number);

/// The same operands and parameters for the golden model.
golden::Layer golden_layer(const LayerCase& layer);
golden::Processor golden_processor(const ProcessorParameters& parameters);

/// Groups and PEs that random_case() never exceeds.
inline constexpr int64_t kMostGroups = 5;
inline constexpr int64_t kMostPes = 6;

/// The one machine of this program.
golden::Machine& machine();

}  // namespace trainer::golden_test
