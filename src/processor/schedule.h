#pragma once

#include <cstdint>
#include <span>

#include "processor/tile_grid.h"

namespace trainer {

struct ArraySchedule {
  int64_t cycles = 0;          ///< sum over rounds of the slowest PE
  int64_t active_cycles = 0;   ///< summed over PEs
  int64_t channel_blocks = 0;  ///< over all convolution groups
};

/// How items (block of up to P output channels, tile) share the array (docs/processor-contract.md, section 4): blocks
/// first, then tiles; G items make a round, and a round lasts as long as its slowest PE.
/// `cycles` is [channels][grid.row_size()]; a block never spans two of the `conv_groups` convolution groups.
ArraySchedule schedule_array(std::span<const uint32_t> cycles, const TileGrid& grid, int64_t channels,
                             int64_t conv_groups, int64_t pes_per_group, int64_t groups);

}  // namespace trainer
