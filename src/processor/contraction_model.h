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

/// What stands before and after a layer (see ContractionLayer), as far as a processor minds.
struct LayerRole {
  bool input_is_rectified = false;
  bool input_from_batchnorm = false;
  bool output_to_batchnorm = false;
};

/// The outputs of a speculated FF that are computed.
struct WantedOutputs {
  const Bitmap& bits;  ///< as Bitmap::assign(Z, 0, 1)
  bool reads_shortcut;
};

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
                   std::shared_ptr<LayerCounts> counts, const LayerRole& role = {});

  /// `wanted` where training skipped outputs; null where it did not.
  PhaseOutcome feedforward(const WeightView& W, const BitmapView& X, const WantedOutputs* wanted = nullptr,
                           bool hindsight = false);
  /// X says which dX are wanted where it is rectified.
  PhaseOutcome backpropagation(const WeightView& W, const BitmapView& X, const BitmapView& dZ, bool hindsight = false);
  /// `pruned` where training pruned small values of dZ.
  PhaseOutcome weight_gradient(const WeightView& W, const BitmapView& X, const BitmapView& dZ, bool pruned = false,
                               bool hindsight = false);

  const ConvolutionGeometry& geometry() const { return counts_->grid().geometry(); }
  /// Wanted outputs of the FF that was speculated last, -1 before the first: what the next choice goes by.
  int64_t last_wanted() const { return last_wanted_; }
  void set_last_wanted(int64_t outputs) { last_wanted_ = outputs; }

 private:
  struct Run;

  /// Fills held_, and says how many positions each channel holds.
  const HeldCounts& hold_weights(Phase phase, const WeightView& W);
  struct Operands;
  PhaseOutcome run(Phase phase, const WeightView& W, const Operands& operands, bool hindsight);
  const ChannelTable& count_channels(const Run& run, int64_t slices);
  void estimate_items(Run& run, const Dataflow& dataflow, ItemTable& table);
  void count_group_sums(Run& run, const Dataflow& dataflow, ItemTable& table) const;
  ItemTable gather_blocks(const Run& run, const ChannelTable& channels, const Blocks& blocks) const;
  ItemTable count_items(Run& run, const Dataflow& dataflow, PhaseMacs& macs);
  PhaseTime time(Run& run, const Dataflow& dataflow, const ItemTable& items);
  std::vector<PhaseTime> time_all(Run& run);

  const ProcessorParameters& parameters_;
  std::shared_ptr<LayerCounts> counts_;
  Tiles whole_tiles_;
  Tiles small_tiles_;
  std::vector<Dataflow> candidates_;
  WeightCompressedArray weight_compressed_;
  ActivationCompressedArray activation_compressed_;
  LayerRole role_;
  ProcessorParameters estimator_parameters_;  // the same with the estimator's lanes
  std::unique_ptr<WeightCompressedArray> estimator_;
  int64_t last_wanted_ = -1;
  HeldWeights held_;
  // Masks change rarely: counts are kept for as long as what is held is all of this pattern.
  std::shared_ptr<const Pattern> counted_pattern_;
  std::array<std::optional<HeldCounts>, 2> counted_;  // by rows (FF, WG), by columns (BP)
  std::optional<HeldCounts> counts_of_held_;          // of anything else
};

}  // namespace trainer
