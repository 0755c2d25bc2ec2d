#pragma once

#include <gtest/gtest.h>

#include <string>

#include "processor/golden/case.h"
#include "processor/phase_counts.h"

namespace trainer::golden_test {

/// FF, BP and WG of the case on both models: the dataflow that each one's controller takes, with what it predicts;
/// every count; and the golden model's Z, dX and dW against the reference kernels. With `every_dataflow`, the times of
/// every dataflow too.
testing::AssertionResult same(const Case& c, bool every_dataflow = false);
/// The counts alone: for operands that are no integers.
testing::AssertionResult same_counts(const Case& c);
/// BN of the layer's Z and UP of its weight on both models.
testing::AssertionResult same_units(const Case& c);

/// "" where equal, else what differs: "cycle golden 5 fast 6, ..."
std::string difference(const golden::Counts& golden, const golden::Processor& processor, const PhaseCounts& fast);
/// FF on the fast model.
PhaseCounts fast_feedforward(const Case& c);

}  // namespace trainer::golden_test
