#pragma once

#include <cstdint>
#include <vector>

#include "processor/golden/machine.h"

namespace trainer::golden {

/// One block of output channels and one tile (contract, section 4).
struct Item {
  int64_t block = 0;
  int64_t tile = 0;
};

/// What the sequencer tells its PE, in order: begin an item, visit weight positions, end the item.
struct Command {
  enum class Kind { begin, visit, end };
  Kind kind = Kind::end;
  int64_t channel = 0;                 ///< begin: the output channel
  int64_t tile = 0;                    ///< begin
  int64_t k = 0, c = 0, r = 0, s = 0;  ///< visit; c counts all input channels
  float weight = 0;                    ///< visit, FF and BP
};

/// A place of a tile resolved to the pixels that a visit meets there.
struct Meeting {
  bool position = false;  ///< false for the places that pad the batch or lie past the last pixel
  bool inside = false;    ///< the pixel of X (of dX) exists
  int64_t x_index = 0;    ///< in X and dX, where inside
  int64_t z_index = 0;    ///< in Z and dZ
};

/// A phase of a layer on its way through the machine.
struct Job {
  Job(Phase phase, const Layer& layer, const Processor& processor);

  /// Bits that a tensor's values from `begin` to `end` take in memory: each is looked at.
  int64_t bits(const std::vector<float>& tensor, int64_t begin, int64_t end) const;
  /// As stored for WG, FF or BP: does a PE visit this position? (section 3)
  bool held(int64_t weight_index) const;
  int64_t weight_index(int64_t k, int64_t c, int64_t r, int64_t s) const;
  /// The output pixel (place of the tile, channel k) and the input pixel that position (k, c, r, s) meets there.
  Meeting meet(int64_t place, int64_t k, int64_t c, int64_t r, int64_t s) const;
  int64_t positions_of_tile(int64_t tile) const;

  const Phase phase;
  const Layer& layer;
  const Processor& processor;
  const bool skips_positions;  ///< the phase's capability of section 3 is on
  const bool lockstep;         ///< one operand read serves all PEs of a group
  const int64_t p, q, padded_batch;
  const int64_t tiles;
  const int64_t input_channels_per_group, kernels_per_group;
  const int64_t channels_per_group;  ///< output channels of the phase in one convolution group
  const int64_t streamed_per_group;  ///< streamed channels of a block
  const int64_t blocks_per_group, blocks;
  Counts counts;
  std::vector<float> output;
};

}  // namespace trainer::golden
