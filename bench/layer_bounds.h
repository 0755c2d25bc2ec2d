#pragma once

#include "machine_peaks.h"
#include "network/network.h"
#include "training/session.h"

namespace trainer::bench {

/// Prints, for every convolution and phase, the milliseconds it took and the least that each part of the machine would
/// need: its multiply-adds at the rate of registers, the operand that each of them loads from the first- or
/// second-level cache, and the tensors once from and to memory. Which of them (the second level apart) is the most is
/// what bounds it.
///
/// `times`: seconds of `steps` steps, by node. Runs one more step of `session` to see every layer's pattern.
void print_layer_bounds(Network& network, TrainingSession& session, const Batch& batch,
                        const std::vector<NodeTimes>& times, int steps, const MachinePeaks& peaks);

}  // namespace trainer::bench
