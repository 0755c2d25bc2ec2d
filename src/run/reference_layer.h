#pragma once

#include <cstdint>

#include "processor/event.h"
#include "processor/simulation.h"

namespace trainer {

/// The layer of peak figures: FF of a convolution without padding whose channels and pixels fill the shipped arrays.
/// FF, because there 10 % of the activations and 10 % of the weights leave 1 % of the MACs, as the published figures
/// imply.
inline constexpr const char* kReferenceLayer = "n32c256k256h18r3";
/// Non-zero X and unpruned W of "90/90".
inline constexpr double kSparseDensity = 0.1;

struct ReferenceCounts {
  EventCounts events;
  int64_t dense_macs = 0;
  int64_t cycles = 0;
};

/// FF of the reference layer with `density` of X and of W, zeros at random places (seed 1). Throws UsageError for a
/// processor that cannot be loaded.
ReferenceCounts count_reference_layer(const ProcessorRequest& processor, double density);

}  // namespace trainer
