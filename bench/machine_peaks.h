#pragma once

namespace trainer::bench {

/// What this machine reaches with all of the library's threads at once, in the vectors that kernels use. Measured, so
/// another program running at the same time lowers it.
struct MachinePeaks {
  double macs_per_s = 0;         ///< FP32 multiply-adds on registers
  double l1_bytes_per_s = 0;     ///< multiply-adds with one operand from memory that stays in the first-level cache
  double l2_bytes_per_s = 0;     ///< the same from the second level
  double dram_bytes_per_s = 0;   ///< the same from memory
  double store_bytes_per_s = 0;  ///< writes to memory, past the caches
};

/// Takes about a second.
MachinePeaks measure_machine_peaks();

}  // namespace trainer::bench
