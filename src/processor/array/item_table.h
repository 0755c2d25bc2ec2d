#pragma once

#include <cstdint>
#include <vector>

#include "tensor/aligned.h"

namespace trainer {

/// What every item (block, slice, tile) of a phase takes: docs/processor-contract.md, section 3.
struct ItemTable {
  int64_t slices = 1;
  int64_t row_size = 0;             ///< entries of one row; those after the last tile mean nothing
  AlignedVector<uint32_t> cycles;   ///< [block][slice][tile]: of the slowest PE
  std::vector<int64_t> tile_sums;   ///< a PE's sums of an item are tile_sums[tile] * block_sums[block][slice], for the
  std::vector<int64_t> block_sums;  ///< PE that has most
  std::vector<int64_t> tile_group_sums;   ///< and those of all PEs tile_group_sums[tile] *
  std::vector<int64_t> block_group_sums;  ///< block_group_sums[block][slice]
  int64_t active_cycles = 0;              ///< of all PEs and items
  AlignedVector<uint32_t> estimates;      ///< speculated FF: [block][tile], of the estimator; empty otherwise
  int64_t visits = 0;

  const uint32_t* row(int64_t block, int64_t slice) const {
    return cycles.data() + (block * slices + slice) * row_size;
  }
  const uint32_t* estimate_row(int64_t block) const { return estimates.data() + block * row_size; }
  uint32_t* row(int64_t block, int64_t slice) { return cycles.data() + (block * slices + slice) * row_size; }
};

}  // namespace trainer
