#include "processor/contraction_model.h"

#include <algorithm>

#include "processor/conservation.h"
#include "processor/integer.h"
#include "processor/phase_events.h"

namespace trainer {

struct ContractionModel::Operands {
  const BitmapView* X = nullptr;  // BP: where it is masked
  const BitmapView* dZ = nullptr;
  const WantedOutputs* wanted = nullptr;
  Selection selection{};
  bool pruned = false;
};

// What one call works on.
struct ContractionModel::Run : Operands {
  Run(Phase phase, const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
      const HeldCounts& held_counts, const Operands& operands, DenseInDram dense, const Tiles& whole_tiles,
      const Tiles& small_tiles)
      : Operands(operands),
        shape(phase, geometry),
        held(held_counts),
        sizes(shape, parameters, held, X == nullptr ? nullptr : &X->bits, dZ == nullptr ? nullptr : &dZ->bits, dense),
        facts{shape, held, sizes, 0, 0, 0, 0, selection},
        controller(facts, parameters, whole_tiles, small_tiles) {
    const Bitmap& streamed = (phase == Phase::BP ? dZ : X)->bits;
    facts.nonzeros = streamed.nonzeros();
    facts.size = streamed.shape().size();
    if (dZ != nullptr) {
      facts.gradient_nonzeros = dZ->bits.nonzeros();
      facts.gradient_size = dZ->bits.shape().size();
    }
    if (selection.speculated) {
      facts.outputs = wanted->bits.shape().size();
    }
    if (selection.masked) {
      facts.rectified_nonzeros = X->bits.nonzeros();
      facts.rectified_size = X->bits.shape().size();
    }
  }

  PhaseShape shape;
  const HeldCounts& held;
  OperandSizes sizes;
  PhaseFacts facts;
  Controller controller;
};

ContractionModel::ContractionModel(const ConvolutionGeometry& geometry, const ProcessorParameters& parameters,
                                   std::shared_ptr<LayerCounts> counts, const LayerRole& role)
    : parameters_(parameters),
      counts_(std::move(counts)),
      whole_tiles_(make_tiles(geometry, parameters.tile, parameters.pes_per_group)),
      candidates_(candidate_dataflows(parameters)),
      weight_compressed_(geometry, parameters, counts_),
      activation_compressed_(geometry, parameters, counts_),
      role_(role),
      estimator_parameters_(parameters) {
  if (parameters.tile % (8 * parameters.lanes) == 0) {
    small_tiles_ = make_tiles(geometry, parameters.tile / parameters.lanes, parameters.pes_per_group);
  }
  if (parameters.speculates_feedforward) {
    estimator_parameters_.lanes = parameters.speculation_lanes;
    estimator_ = std::make_unique<WeightCompressedArray>(
        geometry, estimator_parameters_, std::make_shared<LayerCounts>(*counts_, parameters.speculation_lanes));
  }
}

const HeldCounts& ContractionModel::hold_weights(Phase phase, const WeightView& W) {
  if (!(phase == Phase::WG ? parameters_.skip_pruned_gradients : parameters_.skip_weight_zeros)) {
    held_.hold_all(W.pattern->rows(), W.pattern->columns());
  } else if (phase == Phase::WG) {
    held_.hold_unpruned(*W.pattern);
  } else {
    held_.hold_nonzero(W);
  }
  const PhaseShape shape(phase, geometry());
  if (held_.size() != W.pattern->nonzeros()) {
    return counts_of_held_.emplace(shape, held_, parameters_.groups);
  }
  if (counted_pattern_ != W.pattern) {
    counted_pattern_ = W.pattern;
    counted_ = {};
  }
  std::optional<HeldCounts>& counts = counted_[phase == Phase::BP ? 1 : 0];
  if (!counts) {
    counts.emplace(shape, held_, parameters_.groups);
  }
  return *counts;
}

const ChannelTable& ContractionModel::count_channels(const Run& run, int64_t slices) {
  if (run.selection.speculated) {
    return weight_compressed_.speculated_feedforward(held_, *run.X, run.wanted->bits, slices);
  }
  if (run.selection.masked) {
    return weight_compressed_.masked_backpropagation(held_, *run.X, *run.dZ, slices);
  }
  return run.shape.phase == Phase::FF   ? weight_compressed_.feedforward(held_, *run.X, slices)
         : run.shape.phase == Phase::BP ? weight_compressed_.backpropagation(held_, *run.dZ, slices)
                                        : weight_compressed_.weight_gradient(held_, *run.X, *run.dZ, slices);
}

ItemTable ContractionModel::gather_blocks(const Run& run, const ChannelTable& channels, const Blocks& blocks) const {
  const bool wg = run.shape.phase == Phase::WG;
  ItemTable table;
  table.slices = channels.slices;
  table.row_size = channels.row_size;
  table.cycles.assign(static_cast<size_t>(blocks.size() * table.slices * table.row_size), 0);
  for (int64_t t = 0; t < whole_tiles_.size(); ++t) {
    table.tile_sums.push_back(wg ? 1 : whole_tiles_.positions(t) * run.shape.drained_pixels);
  }
  for (int64_t b = 0; b < blocks.size(); ++b) {
    for (int64_t d = 0; d < table.slices; ++d) {
      int64_t most_held = 0;
      for (const int64_t channel : blocks.block(b)) {
        const uint32_t* row = channels.row(channel, d);
        max_row(row, static_cast<size_t>(table.row_size), table.row(b, d));
        for (int64_t t = 0; t < whole_tiles_.size(); ++t) {
          table.active_cycles += row[t];
        }
        most_held = std::max(most_held, run.held.at(channel, table.slices, d));
      }
      table.block_sums.push_back(wg ? most_held : 1);
    }
  }
  table.visits = held_.size() * whole_tiles_.size();
  return table;
}

/// What all PEs of a group drain.
void ContractionModel::count_group_sums(Run& run, const Dataflow& dataflow, ItemTable& table) const {
  const bool wg = run.shape.phase == Phase::WG;
  const Tiles& tiles = run.controller.tiles(dataflow);
  const Blocks& blocks = run.controller.arrangement(dataflow).blocks;
  for (int64_t t = 0; t < tiles.size(); ++t) {
    table.tile_group_sums.push_back(wg ? 1 : tiles.positions(t) * run.shape.drained_pixels);
  }
  for (int64_t b = 0; b < blocks.size(); ++b) {
    for (int64_t d = 0; d < table.slices; ++d) {
      int64_t held = 0;
      for (const int64_t channel : blocks.block(b)) {
        held += run.held.at(channel, table.slices, d);
      }
      table.block_group_sums.push_back(wg ? held : static_cast<int64_t>(blocks.block(b).size()));
    }
  }
}

ItemTable ContractionModel::count_items(Run& run, const Dataflow& dataflow, PhaseMacs& macs) {
  const Blocks& blocks = run.controller.arrangement(dataflow).blocks;
  ItemTable table;
  if (dataflow.compress == Compress::weight) {
    const ChannelTable& channels = count_channels(run, dataflow.grouping.input_channels);
    macs = channels.macs;
    table = gather_blocks(run, channels, blocks);
  } else {
    macs = run.selection.any() ? count_channels(run, 1).macs
                               : weight_compressed_.macs(run.shape.phase, held_, run.X, run.dZ);
    table = activation_compressed_.items(run.shape, dataflow, blocks, run.controller.tiles(dataflow), held_, run.X,
                                         run.dZ, parameters_.lanes);
  }
  count_group_sums(run, dataflow, table);
  if (run.selection.speculated) {
    estimate_items(run, dataflow, table);
  } else if (!run.selection.any()) {
    macs.met = macs.effectual;
  }
  return table;
}

// The estimator makes the array's visits with lanes of its own, over all that they meet; then it decides.
void ContractionModel::estimate_items(Run& run, const Dataflow& dataflow, ItemTable& table) {
  const Blocks& blocks = run.controller.arrangement(dataflow).blocks;
  if (dataflow.compress == Compress::weight) {
    table.estimates = gather_blocks(run, estimator_->feedforward(held_, *run.X, 1), blocks).cycles;
  } else {
    table.estimates = activation_compressed_
                          .items(run.shape, dataflow, blocks, run.controller.tiles(dataflow), held_, run.X, nullptr,
                                 parameters_.speculation_lanes)
                          .cycles;
  }
  for (int64_t b = 0; b < blocks.size(); ++b) {
    const int64_t block_sums = table.block_sums[static_cast<size_t>(b)];
    for (size_t t = 0; t < table.tile_sums.size(); ++t) {
      table.estimates[static_cast<size_t>(b * table.row_size) + t] +=
          static_cast<uint32_t>(ceil_div(table.tile_sums[t] * block_sums, parameters_.speculation_lanes));
    }
  }
}

PhaseTime ContractionModel::time(Run& run, const Dataflow& dataflow, const ItemTable& items) {
  const Arrangement& arrangement = run.controller.arrangement(dataflow);
  const ItemPort port(run.shape, run.selection, parameters_, run.controller.tiles(dataflow), arrangement.blocks,
                      run.held, run.sizes, dataflow.grouping.input_channels);
  return run_pipeline(items, arrangement.plan, port, dataflow, parameters_);
}

// Dataflows that differ in gk and gp alone share their counts, and so do balanced and dynamic ones.
std::vector<PhaseTime> ContractionModel::time_all(Run& run) {
  const std::vector<Dataflow> all = all_dataflows(parameters_);
  std::vector<PhaseTime> times(all.size());
  for (const Compress compress : {Compress::weight, Compress::activation}) {
    for (int64_t slices = 1; slices <= parameters_.groups; slices *= 2) {
      for (const bool in_order : {true, false}) {
        ItemTable items;
        for (size_t i = 0; i < all.size(); ++i) {
          if (all[i].compress != compress || all[i].grouping.input_channels != slices ||
              (all[i].assignment == Assignment::in_order) != in_order || (run.selection.speculated && slices > 1)) {
            continue;
          }
          if (items.cycles.empty()) {
            PhaseMacs macs;
            items = count_items(run, all[i], macs);
          }
          times[i] = time(run, all[i], items);
        }
      }
    }
  }
  return times;
}

PhaseOutcome ContractionModel::run(Phase phase, const WeightView& W, const Operands& operands, bool hindsight) {
  const HeldCounts& held_counts = hold_weights(phase, W);
  const bool decoupled = parameters_.batchnorm() == BatchNormUnit::decoupled;
  const DenseInDram dense{decoupled && role_.input_from_batchnorm, decoupled && role_.output_to_batchnorm};
  Run run(phase, geometry(), parameters_, held_counts, operands, dense, whole_tiles_, small_tiles_);
  std::vector<Dataflow> candidates = candidates_;
  if (run.selection.speculated) {
    run.facts.wanted_outputs = last_wanted_ < 0 ? run.facts.outputs : last_wanted_;
    last_wanted_ = run.wanted->bits.nonzeros();
    std::erase_if(candidates, [](const Dataflow& dataflow) { return dataflow.grouping.input_channels > 1; });
  }
  PhaseOutcome outcome;
  outcome.choice = run.controller.choose(candidates);
  const Dataflow& dataflow = outcome.choice.dataflow;
  const Arrangement& arrangement = run.controller.arrangement(dataflow);

  PhaseMacs macs;
  const ItemTable items = count_items(run, dataflow, macs);
  const PhaseTime phase_time = time(run, dataflow, items);

  PhaseCounts& counts = outcome.counts;
  counts.dense_macs = geometry().dense_macs();
  counts.effectual_macs = macs.effectual;
  const int64_t held_macs = held_.size() * run.shape.positions;
  (phase == Phase::WG ? counts.skipped_by_output : counts.skipped_by_weight) = counts.dense_macs - held_macs;
  counts.skipped_by_output += macs.outside;
  counts.skipped_by_input = held_macs - macs.outside - macs.effectual;
  counts.cycles = phase_time.cycles;
  counts.compute_cycles = phase_time.compute_cycles;
  counts.memory_cycles = arrangement.plan.memory_cycles;
  counts.loaded = arrangement.plan.loaded;
  const bool dZ_is_full = run.facts.gradient_nonzeros == run.facts.gradient_size;
  const PhaseRecord record{run.shape, geometry(), parameters_,  dataflow, run.selection, arrangement,
                           items,     run.sizes,  held_.size(), macs.met, dZ_is_full,    operands.pruned};
  count_events(record, counts);
  check_conservation(record, counts);
  if (hindsight) {
    outcome.hindsight = time_all(run);
  }
  return outcome;
}

PhaseOutcome ContractionModel::feedforward(const WeightView& W, const BitmapView& X, const WantedOutputs* wanted,
                                           bool hindsight) {
  const bool speculated = wanted != nullptr && parameters_.speculates_feedforward;
  Operands operands{.X = &X};
  if (speculated) {
    operands.wanted = wanted;
    operands.selection = {.speculated = true, .reads_shortcut = wanted->reads_shortcut};
  }
  return run(Phase::FF, W, operands, hindsight);
}

PhaseOutcome ContractionModel::backpropagation(const WeightView& W, const BitmapView& X, const BitmapView& dZ,
                                               bool hindsight) {
  const bool masked = role_.input_is_rectified && parameters_.speculates_backpropagation;
  return run(Phase::BP, W, {.X = masked ? &X : nullptr, .dZ = &dZ, .selection = {.masked = masked}}, hindsight);
}

PhaseOutcome ContractionModel::weight_gradient(const WeightView& W, const BitmapView& X, const BitmapView& dZ,
                                               bool pruned, bool hindsight) {
  return run(Phase::WG, W, {.X = &X, .dZ = &dZ, .pruned = pruned && parameters_.speculates_gradients}, hindsight);
}

}  // namespace trainer
