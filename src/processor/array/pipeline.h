#pragma once

#include <cstdint>

#include "processor/array/item_port.h"
#include "processor/array/item_table.h"
#include "processor/dataflow/dataflow.h"
#include "processor/memory/passes.h"
#include "processor/parameters.h"

namespace trainer {

/// How long a phase takes.
struct PhaseTime {
  int64_t cycles = 0;          ///< end to end
  int64_t compute_cycles = 0;  ///< with a memory that takes no time
};

/// Distributor, ports, queues, estimators, groups, drains and DRAM channel: docs/processor-contract.md, sections 4
/// and 6. `items` have estimate times where FF is speculated.
PhaseTime run_pipeline(const ItemTable& items, const PassPlan& plan, const ItemPort& port, const Dataflow& dataflow,
                       const ProcessorParameters& parameters);

}  // namespace trainer
