#pragma once

#include "processor/phase_events.h"

namespace trainer {

/// Throws std::logic_error that says what is not conserved: docs/processor-contract.md, section 12.
void check_conservation(const PhaseRecord& record, const PhaseCounts& counts);

}  // namespace trainer
