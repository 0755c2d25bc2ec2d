#pragma once

#include "processor/golden/job.h"

namespace trainer::golden {

// Global buffer and DRAM. The contract lets them keep up with the array, so they have traffic and no cycles.

/// DRAM carries every operand of the phase once.
void load_operands(Job& job);
/// A block's pass over the layer reads its streamed channels, and in WG its own dZ, once from the global buffer.
void stream_block(Job& job, int64_t block);
/// What is stored when the whole phase is done: dX, and dW. (Z leaves with its tile.)
void store_results(Job& job);

/// Output channels first .. end-1 of a block.
struct ChannelRange {
  int64_t first, end;
};
ChannelRange channels_of(const Job& job, int64_t block);

}  // namespace trainer::golden
