#include "processor/golden/monitor.h"

#include <stdexcept>

namespace trainer::golden {

Monitor::Monitor(const sc_core::sc_module_name& name, const PassSequencer& sequencer, const Distributor& distributor,
                 const std::vector<std::unique_ptr<Group>>& groups, const MemoryChannel& channel,
                 const StreamUnit& unit)
    : sc_core::sc_module(name),
      clock("clock"),
      sequencer_(sequencer),
      distributor_(distributor),
      groups_(groups),
      channel_(channel),
      unit_(unit) {
  SC_HAS_PROCESS(Monitor);
  SC_METHOD(look);
  dont_initialize();
  sensitive << clock.neg();
}

void Monitor::watch(Counts* counts, const Processor& processor) {
  counts_ = counts;
  processor_ = processor;
  idle_cycles_ = 0;
}

void Monitor::look() {
  if (!sequencer_.running() && !unit_.running() && !channel_.busy()) {
    if (!sequencer_.waiting() && !unit_.waiting()) {
      sc_core::sc_pause();
    }
    return;
  }
  ++counts_->cycle;
  const bool groups_work = look_at_groups();
  // A cycle may pass between an edge and the distributor's next one.
  idle_cycles_ = groups_work || distributor_.sending() || unit_.running() || channel_.moving() ? 0 : idle_cycles_ + 1;
  if (idle_cycles_ > 2) {
    throw std::logic_error("golden model: the array is stuck");
  }
}

bool Monitor::look_at_groups() {
  bool working = false;
  for (int64_t g = 0; g < processor_.groups; ++g) {
    const Group& group = *groups_[static_cast<size_t>(g)];
    working = working || group.draining() || group.estimating();
    for (int64_t pe = 0; pe < processor_.pes; ++pe) {
      const bool active = group.active(pe);
      (active ? counts_->lane_active : counts_->lane_idle) += processor_.lanes;
      working = working || active;
    }
  }
  return working;
}

}  // namespace trainer::golden
