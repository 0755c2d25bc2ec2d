#pragma once

#include <cstdint>
#include <vector>

#include "processor/golden/job.h"

namespace trainer::golden {

/// A span of tiles times a span of blocks, with what DRAM carries for it (contract, section 5).
struct Pass {
  Range tiles;
  Range blocks;
  int64_t load_bytes = 0;
  int64_t store_bytes = 0;
  OperandBits loaded;         ///< from DRAM: what load_bytes are made of
  OperandBits on_chip;        ///< what that is in the buffer
  int64_t stored_values = 0;  ///< read from the output part of the buffer for them
};

struct PassPlan {
  std::vector<Pass> passes;  ///< in order
  bool activations_too_large = false, weights_too_large = false, sums_too_large = false;
};

PassPlan plan_passes(const Job& job);

/// Cycles of one transfer (section 6).
int64_t transfer_cycles(const Processor& processor, int64_t bytes);

}  // namespace trainer::golden
