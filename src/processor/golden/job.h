#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "processor/golden/machine.h"

namespace trainer::golden {

/// A weight position: kernel k, input channel c of all C, kernel row and column.
struct WeightPosition {
  int64_t k = 0, c = 0, r = 0, s = 0;
};

/// A place of the output resolved to the pixels that a weight position meets there.
struct Meeting {
  bool position = false;  ///< false for the places that pad the batch or lie past the last pixel
  bool inside = false;    ///< the pixel of X (of dX) exists
  int64_t x_index = 0;    ///< in X and dX, where inside
  int64_t z_index = 0;    ///< in Z and dZ
};

/// Output channels of one convolution group that are worked on together (contract, section 2).
struct Block {
  int64_t conv_group = 0;
  std::vector<int64_t> channels;  ///< of all O, in the block's order
  int64_t held = 0;               ///< held positions of all of them
};

/// first .. end-1
struct Range {
  int64_t first = 0, end = 0;
  int64_t size() const { return end - first; }
};

/// One tile, one block and one slice, on the way to a group in a pass.
struct Item {
  int64_t number = 0;
  int64_t pass = 0;
  int64_t tile = 0, block = 0, slice = 0;
};

/// A phase of a layer in one dataflow: operands as the array sees them, tiles, blocks and slices; and what the machine
/// makes of it, the counts and the output.
struct Job {
  /// Throws std::logic_error where the dataflow does not fit the processor.
  Job(Phase phase, const Layer& layer, const Processor& processor, const Dataflow& dataflow);

  bool zeros() const { return processor.skip_input_zeros; }
  /// The convolution group that output channel o of the phase belongs to.
  int64_t conv_group_of(int64_t o) const { return o / outputs_per_group; }
  /// The position of output channel o in a column: (i, r, s) of J, rows of kernels first to last.
  WeightPosition position(int64_t o, int64_t column) const;
  int64_t weight_index(const WeightPosition& position) const;
  /// Does the processor hold it? (section 3)
  bool held(int64_t o, int64_t column) const;
  /// Its value; 0 where pruned.
  float weight(const WeightPosition& position) const;
  /// What a position of the weight meets at a place, counted from the first place of all.
  Meeting meet(int64_t place, const WeightPosition& position) const;
  /// The channel of the streamed tensor (X, in BP dZ) that a column reads: of all C, or all K.
  int64_t streamed_channel(int64_t conv_group, int64_t column) const;
  Range columns_of_slice(int64_t slice) const;
  Range inputs_of_slice(int64_t slice) const;
  /// Output positions of tiles first .. end-1.
  int64_t positions(Range tiles) const;
  /// What the tiles have of a total that is spread evenly over the positions (section 5).
  int64_t share(int64_t total, Range tiles) const;
  /// Bits of a tensor, or of some of its channels, of which `nonzeros` values are not zero.
  int64_t tensor_bits(int64_t nonzeros, int64_t size) const;
  /// Bits of a block's weights, or of their mask: `held` positions of `size`.
  int64_t weight_bits(int64_t held, int64_t size) const;
  ItemTimes& times(const Item& item) { return items[static_cast<size_t>(item.number)]; }
  /// The cycle that begins with the present edge of the clock.
  int64_t now() const { return counts.cycle; }
  /// Not with a dynamic assignment.
  int64_t group_of(int64_t tile, int64_t block, int64_t slice) const;
  /// WC orders blocks by weight and AC deals channels by their non-zeros: not with an assignment in order.
  bool balances() const { return dataflow.assignment != Assignment::in_order; }
  /// Bits of all X, of all dZ; and of what DRAM holds of them (section 5).
  int64_t X_bits() const;
  int64_t dZ_bits() const;
  int64_t moved_X_bits() const;
  int64_t moved_dZ_bits() const;
  int64_t moved_dZ_bits(int64_t k) const;  ///< of one channel
  int64_t block_bits(const Block& block) const;

  const Phase phase;
  const Layer& layer;
  const Processor& processor;
  const Dataflow dataflow;
  const Formats formats;
  const bool hold;        ///< the phase's capability of section 3 is on
  const bool speculated;  ///< FF, with outputs that are estimated alone
  const bool masked;      ///< BP, with pixels of dX that a ReLU does not want
  const bool selective;   ///< either
  const int64_t p, q, padded_batch;
  const int64_t all_positions;                        ///< M
  const int64_t inputs_per_group, outputs_per_group;  ///< I, Og
  const int64_t columns;                              ///< J
  const int64_t block_channels;                       ///< A
  const int64_t tile_places;                          ///< U
  const int64_t tiles;
  std::vector<int64_t> nonzeros_X, nonzeros_dZ;  ///< of every channel
  std::vector<int64_t> positions_before;         ///< pos(t), for t up to `tiles`
  std::vector<Block> blocks;

  Counts counts;
  std::vector<float> output;
  std::vector<ItemTimes> items;
  bool lockstep = false;  ///< one operand read serves all PEs of a group

 private:
  void cut_blocks();
  /// Do all PEs of a group want the same values in the same cycles? (section 8)
  bool wants_the_same() const;
};

/// x dealt to n hands there and back: 0 .. n-1, n-1 .. 0, ...
int64_t snake(int64_t x, int64_t n);
int64_t divide_up(int64_t a, int64_t b);

constexpr int64_t kSumBits = 32;

}  // namespace trainer::golden
