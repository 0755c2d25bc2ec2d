#pragma once

#include <string>
#include <vector>

#include "processor/simulation.h"

namespace trainer {

/// What one processor spent, for people: a row for each layer and phase in order of execution, then a row for each
/// phase over all layers; the total last. At most 120 columns.
std::string processor_table(const ProcessorResult& result);

/// The processors beside each other, with ratios against the reference (dense-28nm if it is among them, else the
/// first), and one sentence for each of the others. Empty for fewer than two.
std::string comparison_table(const std::vector<ProcessorResult>& results);

}  // namespace trainer
