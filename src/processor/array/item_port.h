#pragma once

#include <cstdint>
#include <vector>

#include "processor/dataflow/held_counts.h"
#include "processor/dataflow/partition.h"
#include "processor/dataflow/selection.h"
#include "processor/memory/passes.h"
#include "processor/parameters.h"

namespace trainer {

/// How long items take the global buffer's port: docs/processor-contract.md, section 4.
class ItemPort {
 public:
  ItemPort(const PhaseShape& shape, const Selection& selection, const ProcessorParameters& parameters,
           const Tiles& tiles, const Blocks& blocks, const HeldCounts& held, const OperandSizes& sizes, int64_t slices);

  int64_t cycles(int64_t tile, int64_t block, int64_t slice) const {
    const int64_t bits = streamed_[static_cast<size_t>(tile * slices_ + slice)] +
                         weights_[static_cast<size_t>(block * slices_ + slice)] +
                         outputs_[static_cast<size_t>(tile * widths_ + width_of_block_[static_cast<size_t>(block)])];
    return bits <= port_bits_ ? 1 : (bits + port_bits_ - 1) / port_bits_;
  }

 private:
  int64_t slices_;
  int64_t port_bits_;
  int64_t widths_ = 0;             // blocks differ in their number of channels: at most two numbers
  std::vector<int64_t> streamed_;  // [tile][slice]: X or dZ
  std::vector<int64_t> weights_;   // [block][slice]: W, or the mask
  std::vector<int64_t> width_of_block_;
  std::vector<int64_t> outputs_;  // [tile][width]: what goes with output channels: dZ in WG, shortcut, bitmap
};

}  // namespace trainer
