#pragma once

#include "processor/phase_counts.h"
#include "processor/random_layer.h"
#include "processor/simulation.h"

namespace trainer {

/// docs/processor-contract.md as plain loops over values: one PE, one visit, one position at a time. No bitmaps, no
/// tables, nothing shared with src/processor but the structures that hold the result.
PhaseCounts loop_model(Phase phase, const LayerCase& layer, const ProcessorParameters& parameters);

}  // namespace trainer
