#pragma once

#include <gtest/gtest.h>

#include "processor/golden/case.h"
#include "processor/phase_counts.h"

namespace trainer::golden_test {

/// FF, BP and WG of the case on both models: every count of the fast model must be the golden model's.
testing::AssertionResult same_counts(const Case& c);
/// Z, dX and dW of the golden model against the reference convolution. Both add the same products in FP32 in orders of
/// their own, so each is within gamma(n) * sum |products| of the exact sum, gamma(n) = n*u / (1 - n*u), u = 2^-24, n
/// the number of products; they differ by twice that at most.
testing::AssertionResult same_values(const Case& c);
/// BN of the layer's Z and UP of its weight on both models.
testing::AssertionResult same_unit_counts(const Case& c);

/// "" where equal, else what differs: "cycle golden 5 fast 6, ..."
std::string difference(const golden::Counts& golden, const PhaseCounts& fast);

}  // namespace trainer::golden_test
