#pragma once

#include <vector>

#include "processor/dataflow/dataflow.h"
#include "processor/memory/operand_bits.h"
#include "processor/random_layer.h"
#include "processor/simulation.h"

namespace trainer::loops {

inline int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Position {
  int64_t p, q, n;
};

struct Weight {
  int64_t k, c, r, s;  // c of all C
};

/// A phase of a layer on an array: what the contract's sections 1 and 2 define.
struct LoopLayer {
  LoopLayer(Phase of, const LayerCase& layer_case, const ProcessorParameters& parameters);

  Phase phase;
  const LayerCase& layer;
  const ProcessorParameters& par;
  const ConvolutionGeometry& g;
  bool speculated;  // FF of which some outputs are skipped
  bool masked;      // BP of which dX is unwanted where X is zero
  int64_t O, I, Og, J, M;
  std::vector<std::vector<Weight>> held;  // of every output channel
  int64_t held_size = 0;
  int64_t x_nonzeros, dz_nonzeros;

  bool selective() const { return speculated || masked; }
  int64_t value_bits() const { return par.precision == "fp8" ? 8 : 16; }
  bool skips_held() const { return phase == Phase::WG ? par.skip_pruned_gradients : par.skip_weight_zeros; }
  int64_t output_of(const Weight& w) const { return phase == Phase::BP ? w.c : w.k; }
  /// i, within the convolution group
  int64_t input_of(const Weight& w) const { return phase == Phase::BP ? w.k % I : w.c % I; }
  bool inside(const Weight& w, const Position& at) const;
  bool x_nonzero(const Weight& w, const Position& at) const;
  /// Section 3.
  bool meets(const Weight& w, const Position& at) const;
  /// Section 1; a pixel of dX in the padding is not.
  bool output_unwanted(const Weight& w, const Position& at) const;
  bool wants(const Weight& w, const Position& at) const { return meets(w, at) && !output_unwanted(w, at); }
  int64_t slice_of(int64_t input, int64_t gc) const;
  int64_t slice_inputs(int64_t d, int64_t gc) const;
};

/// Places of every tile: -1 images (padding of the batch) are kept, so that a place has its index in the tile.
using Tile = std::vector<Position>;
std::vector<Tile> cut_into_tiles(const ConvolutionGeometry& g, int64_t places);
int64_t positions_of(const Tile& tile, const ConvolutionGeometry& g);

int64_t snake(int64_t x, int64_t n);

struct LoopBlock {
  std::vector<int64_t> channels;
  int64_t held = 0;
};
int64_t block_width(const Dataflow& dataflow, const ProcessorParameters& par);
int64_t tile_places(const Dataflow& dataflow, Phase phase, const ProcessorParameters& par);
std::vector<LoopBlock> cut_into_blocks(const LoopLayer& layer, const Dataflow& dataflow);
/// The group an item belongs to.
int64_t group_of(int64_t tile, int64_t block, int64_t slice, const Dataflow& dataflow);

int64_t tensor_bits(const LoopLayer& layer, int64_t size, int64_t nonzeros);
int64_t block_bits(const LoopLayer& layer, const LoopBlock& block);

/// Sections 5 and 6.
struct LoopPass {
  int64_t t0, t1, b0, b1;
  int64_t load_bytes = 0;
  int64_t store_bytes = 0;
  int64_t values = 0;
  OperandBits loaded;   // from DRAM
  OperandBits on_chip;  // as the buffer holds it
};
std::vector<LoopPass> cut_into_passes(const LoopLayer& layer, const std::vector<Tile>& tiles,
                                      const std::vector<LoopBlock>& blocks);
int64_t transfer_cycles(int64_t bytes, const ProcessorParameters& par);
int64_t memory_cycles(const std::vector<LoopPass>& passes, const ProcessorParameters& par);

/// Bits of an item that the global buffer gives a group, with pos positions of M; `part` of `parts` is pos / M, exactly
/// or as predicted.
int64_t item_bits(const LoopLayer& layer, const LoopBlock& block, int64_t slice, int64_t gc, int64_t pos, int64_t part,
                  int64_t parts);

/// Section 4.
struct LoopItem {
  int64_t group;  // where it does not choose one
  int64_t slice;
  int64_t pass;
  int64_t port;
  int64_t estimate;
  int64_t cycles;
  int64_t drain;
};
struct LoopQueues {
  bool speculated;
  bool dynamic;
  int64_t slices;
};
/// The end of the last store; with transfers that take no time where `free_memory`.
int64_t end_to_end(const std::vector<LoopItem>& items, const LoopQueues& queues, const std::vector<LoopPass>& passes,
                   const ProcessorParameters& par, bool free_memory);

/// Section 9.
struct LoopPrediction {
  int64_t compute;
  int64_t cycles;
};
LoopPrediction predict(const LoopLayer& layer, const Dataflow& dataflow);
std::vector<Dataflow> candidates(const LoopLayer& layer);

}  // namespace trainer::loops
