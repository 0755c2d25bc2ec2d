#pragma once

#include "processor/array/item_table.h"
#include "processor/dataflow/controller.h"
#include "processor/phase_counts.h"

namespace trainer {

/// A phase that has run.
struct PhaseRecord {
  const PhaseShape& shape;
  const ConvolutionGeometry& geometry;
  const ProcessorParameters& parameters;
  const Dataflow& dataflow;
  const Selection& selection;
  const Arrangement& arrangement;
  const ItemTable& items;
  const OperandSizes& sizes;
  int64_t held;     ///< held positions
  int64_t met;      ///< pairs that meet
  bool dZ_is_full;  ///< has no zero; any value where the phase has no dZ
  bool pruned;      ///< WG: small values of dZ were, by this processor

  int64_t tiles() const { return static_cast<int64_t>(items.tile_sums.size()); }
  /// Results of the phase, and the sums that items drain for them.
  int64_t outputs() const;
  int64_t sums() const;
};

/// Every event of the phase from its MACs and cycles: docs/processor-contract.md, section 8.
void count_events(const PhaseRecord& record, PhaseCounts& counts);

}  // namespace trainer
