#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "network/step_hook.h"
#include "processor/array/activation_compressed.h"
#include "processor/array/pipeline.h"
#include "processor/array/weight_compressed.h"
#include "processor/dataflow/controller.h"
#include "processor/phase_counts.h"

namespace trainer {

/// One phase of one layer on one processor.
struct PhaseOutcome {
  PhaseCounts counts;
  Choice choice;                     ///< what the controller took, and why
  std::vector<PhaseTime> hindsight;  ///< of every dataflow of all_dataflows(), where asked for
};

/// FF, BP and WG of one convolution or linear layer on one processor: the dataflow chosen, the array's work turned into
/// MACs by class, cycles and events (docs/processor-contract.md, sections 2 to 9).
///
/// Throws std::logic_error when something that section 12 says is conserved is not.
class ContractionModel {
 public:
  /// `counts` is of this geometry and the parameters' tile and lanes; processors that share these may share it.
  ContractionModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
                   std::shared_ptr<LayerCounts> counts);

  PhaseOutcome feedforward(const WeightView& W, const BitmapView& X, bool hindsight = false);
  PhaseOutcome backpropagation(const WeightView& W, const BitmapView& dZ, bool hindsight = false);
  PhaseOutcome weight_gradient(const WeightView& W, const BitmapView& X, const BitmapView& dZ, bool hindsight = false);

  const ConvolutionGeometry& geometry() const { return counts_->grid().geometry(); }

 private:
  struct Run;

  /// Fills held_, and says how many positions each channel holds.
  const HeldCounts& hold_weights(Phase phase, const WeightView& W);
  PhaseOutcome run(Phase phase, const WeightView& W, const BitmapView* X, const BitmapView* dZ, bool hindsight);
  const ChannelTable& count_channels(const Run& run, int64_t slices);
  ItemTable gather_blocks(const Run& run, const ChannelTable& channels, const Blocks& blocks) const;
  ItemTable count_items(Run& run, const Dataflow& dataflow, PhaseMacs& macs);
  std::vector<PhaseTime> time_all(Run& run);

  const ProcessorParameters& parameters_;
  std::shared_ptr<LayerCounts> counts_;
  Tiles whole_tiles_;
  Tiles small_tiles_;
  std::vector<Dataflow> candidates_;
  WeightCompressedArray weight_compressed_;
  ActivationCompressedArray activation_compressed_;
  HeldWeights held_;
  // Masks change rarely: counts are kept for as long as what is held is all of this pattern.
  std::shared_ptr<const Pattern> counted_pattern_;
  std::array<std::optional<HeldCounts>, 2> counted_;  // by rows (FF, WG), by columns (BP)
  std::optional<HeldCounts> counts_of_held_;          // of anything else
};

}  // namespace trainer
