#pragma once

#include <optional>

#include "processor/event.h"

namespace trainer {

struct ProcessorParameters;

/// The parts of the global buffer (docs/processor-contract.md, section 5).
enum class BufferPart { activations, weights, outputs };

/// The part that an event reads or writes; empty for all other events.
std::optional<BufferPart> buffer_part_of(Event event);

/// buffer.*_KB of a part.
double buffer_KB(const ProcessorParameters& parameters, BufferPart part);

}  // namespace trainer
