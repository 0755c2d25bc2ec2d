#pragma once

#include "processor/dataflow/dataflow.h"
#include "processor/phase_counts.h"
#include "processor/random_layer.h"
#include "processor/simulation.h"

namespace trainer {

struct LoopResult {
  PhaseCounts counts;
  Dataflow dataflow;
  int64_t predicted_cycles = 0;
  int64_t predicted_compute = 0;
};

/// docs/processor-contract.md as plain loops over values: one PE, one visit, one position at a time. No bitmaps, no
/// tables, nothing shared with src/processor but the structures that hold the result.
LoopResult loop_model(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters);

/// The same in a given dataflow.
PhaseCounts loop_model_in(const Dataflow& dataflow, Phase phase, const LayerCase& layer,
                          const ProcessorParameters& parameters);

}  // namespace trainer
