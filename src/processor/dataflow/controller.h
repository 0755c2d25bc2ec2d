#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "processor/dataflow/dataflow.h"
#include "processor/dataflow/held_counts.h"
#include "processor/memory/passes.h"

namespace trainer {

/// What the hardware knows of a phase before it starts: docs/processor-contract.md, section 9.
struct PhaseFacts {
  const PhaseShape& shape;
  const HeldCounts& held;
  const OperandSizes& sizes;
  int64_t nonzeros;           ///< of X (FF, WG) or dZ (BP)
  int64_t size;               ///< of the same
  int64_t gradient_nonzeros;  ///< of dZ
  int64_t gradient_size;      ///< of dZ
  Selection selection{};
  int64_t outputs = 0;             ///< of a speculated FF: N*K*P*Q
  int64_t wanted_outputs = 0;      ///< V: of those, wanted in the FF that was speculated last
  int64_t rectified_nonzeros = 0;  ///< of X in a masked BP
  int64_t rectified_size = 0;      ///< of the same
};

struct Prediction {
  int64_t compute_cycles = 0;
  int64_t memory_cycles = 0;
  int64_t cycles() const { return std::max(compute_cycles, memory_cycles); }
};

/// Blocks and passes of one dataflow.
struct Arrangement {
  Blocks blocks;
  PassPlan plan;
};

struct Choice {
  Dataflow dataflow;
  Prediction prediction;
};

/// Predicts the cycles of dataflows and takes the least: docs/processor-contract.md, section 9.
class Controller {
 public:
  /// Tiles of T places, and those of AC's FF and BP.
  Controller(const PhaseFacts& facts, const ProcessorParameters& parameters, const Tiles& whole_tiles,
             const Tiles& small_tiles);

  const Tiles& tiles(const Dataflow& dataflow) const;
  const Arrangement& arrangement(const Dataflow& dataflow);
  Prediction predict(const Dataflow& dataflow);
  /// Of a list that is not empty.
  Choice choose(const std::vector<Dataflow>& candidates);

 private:
  /// [block][slice]
  struct PredictedItems {
    std::vector<int64_t> cycles;
    std::vector<int64_t> ports;
    std::vector<int64_t> drains;
  };

  struct Entry {
    Compress compress;
    Assignment assignment;
    Arrangement arrangement;
    std::vector<PredictedItems> items;  // by log2 of the slices
  };

  Entry& entry(const Dataflow& dataflow);
  PredictedItems predict_items(const Dataflow& dataflow, const Blocks& blocks) const;
  int64_t predict_pass(const Dataflow& dataflow, const PredictedItems& items, const Pass& pass);
  int64_t weight_item(int64_t most_held, int64_t tile_positions) const;
  int64_t weight_estimate(int64_t most_held, int64_t tile_positions) const;
  int64_t activation_item(int64_t held, int64_t slice_inputs, int64_t tile_positions, int64_t lanes) const;
  int64_t drain(int64_t sums, int64_t group_sums) const;
  int64_t port(int64_t width, int64_t block_held, int64_t slice_inputs, int64_t tiles, int64_t tile_positions) const;

  const PhaseFacts& facts_;
  const ProcessorParameters& parameters_;
  const Tiles& whole_tiles_;
  const Tiles& small_tiles_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<int64_t> of_tile_;  // predict_pass: cycles of one tile, [part][slice]
};

}  // namespace trainer
