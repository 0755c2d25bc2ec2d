#include "processor/golden/distributor.h"

namespace trainer::golden {

Distributor::Distributor(const sc_core::sc_module_name& name, PassSequencer& sequencer,
                         const std::vector<std::unique_ptr<Group>>& groups)
    : sc_core::sc_module(name), clock("clock"), sequencer_(sequencer), groups_(groups) {
  SC_HAS_PROCESS(Distributor);
  SC_METHOD(look);
  dont_initialize();
  sensitive << clock.neg();
  SC_METHOD(send);
  dont_initialize();
  sensitive << clock.pos();
}

void Distributor::look() {
  send_ = sequencer_.has_item() && sequencer_.gate_open() &&
          groups_[static_cast<size_t>(sequencer_.item().group)]->has_room();
}

void Distributor::send() {
  if (!send_) {
    return;
  }
  send_ = false;
  ++job_->counts.dispatch;
  job_->times(sequencer_.item()).sent = job_->now();
  groups_[static_cast<size_t>(sequencer_.item().group)]->receive(sequencer_.item());
  sequencer_.next_item();
}

}  // namespace trainer::golden
