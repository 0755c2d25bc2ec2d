#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/convolution/choice/break_even.h"
#include "network/network.h"
#include "run/config.h"
#include "run/kernel_cache.h"

namespace trainer {

/// The shapes of a planned network's convolutions and linear layers, each once, in order of execution.
std::vector<ConvolutionGeometry> contraction_shapes(const Network& network);

/// "PROBLEM=FF/BP/WG" texts; `where` opens the message of the UsageError for one that is wrong.
std::vector<ConvolutionBreakEven> parse_break_evens(std::span<const std::string> texts, const std::string& where);

/// Gives the convolutions and linear layers of a planned network their break-even densities; shapes without one go on
/// with the rule. Throws UsageError where the network would run on half and this CPU cannot.
void use_break_evens(const std::vector<ConvolutionBreakEven>& entries, const Network& network);

/// What a model makes of a shape, to be written down.
ConvolutionBreakEven break_even_of(const ConvolutionGeometry& geometry, const PerPhase<CostModel>& models,
                                   bool offer_half);

/// Under `kernels: auto` makes the planned network choose as `kernel-break-even` and `kernel-choice` say. What was
/// measured is added to config.kernel_break_even: a configuration written down later makes the same choices anywhere,
/// whatever is measured there. Under another path the option has no meaning and is emptied. Without `offer_half`, what
/// is measured leads to highway or oneDNN alone. Adds lines to `notes`.
void choose_kernels(RunConfig& config, KernelCache& cache, const Network& network, bool offer_half,
                    std::vector<std::string>& notes);

}  // namespace trainer
