#pragma once

#include <optional>

#include "processor/golden/machine.h"

namespace trainer::golden {

/// What a processor file pins of a dataflow; the rest is adaptive.
struct Pins {
  struct Grouping {
    int64_t gk, gp, gc;
  };
  std::optional<Compress> compress;
  std::optional<Grouping> grouping;
  std::optional<Assignment> assignment;
};

/// A dataflow with the cycles that the controller's rule predicts for it.
struct Choice {
  Dataflow dataflow;
  int64_t predicted_cycles = 0;
  int64_t predicted_compute = 0;
};

/// The rule of section 9 for one dataflow.
Choice predict(Phase phase, const Layer& layer, const Processor& processor, const Dataflow& dataflow);
/// The best by that rule of the dataflows that the pins leave.
Choice choose(Phase phase, const Layer& layer, const Processor& processor, const Pins& pins);

}  // namespace trainer::golden
