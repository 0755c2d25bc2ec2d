#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/distributor.h"
#include "processor/golden/stream_unit.h"

namespace trainer::golden {

/// Looks at the machine in the middle of every clock cycle, when all that happens at its edge has settled: counts
/// cycles and lanes, and pauses the simulation when the work is done.
class Monitor : public sc_core::sc_module {
 public:
  Monitor(const sc_core::sc_module_name& name, const PassSequencer& sequencer, const Distributor& distributor,
          const std::vector<std::unique_ptr<Group>>& groups, const MemoryChannel& channel, const StreamUnit& unit);

  void watch(Counts* counts, const Processor& processor);

  sc_core::sc_in<bool> clock;

 private:
  void look();
  bool look_at_groups();

  const PassSequencer& sequencer_;
  const Distributor& distributor_;
  const std::vector<std::unique_ptr<Group>>& groups_;
  const MemoryChannel& channel_;
  const StreamUnit& unit_;
  Counts* counts_ = nullptr;
  Processor processor_;
  int64_t idle_cycles_ = 0;
};

}  // namespace trainer::golden
