#include "processor/golden/distributor.h"

#include "processor/golden/item_port.h"
#include "processor/golden/item_reader.h"

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

void Distributor::use(Job* job) {
  job_ = job;
  group_ = kNone;
  cycles_left_ = 0;
}

void Distributor::look() {
  if (sending() || !sequencer_.has_item() || !sequencer_.gate_open()) {
    return;
  }
  if (group_ == kNone) {
    group_ = pick_group(sequencer_.item());
  }
  if (groups_[static_cast<size_t>(group_)]->has_room()) {
    cycles_left_ = port_cycles(*job_, sequencer_.item());
  }
}

int64_t Distributor::pick_group(const Item& item) const {
  const Dataflow& dataflow = job_->dataflow;
  if (dataflow.assignment != Assignment::dynamic) {
    return job_->group_of(item.tile, item.block, item.slice);
  }
  int64_t best = item.slice;
  for (int64_t x = 1; x < dataflow.gk * dataflow.gp; ++x) {
    const int64_t group = x * dataflow.gc + item.slice;
    if (groups_[static_cast<size_t>(group)]->outstanding() < groups_[static_cast<size_t>(best)]->outstanding()) {
      best = group;
    }
  }
  return best;
}

void Distributor::send() {
  if (!sending() || --cycles_left_ > 0) {
    return;
  }
  const Item& item = sequencer_.item();
  ++job_->counts.dispatch;
  job_->times(item).sent = job_->now();
  read_item(*job_, item);
  groups_[static_cast<size_t>(group_)]->receive(item);
  group_ = kNone;
  sequencer_.next_item();
}

}  // namespace trainer::golden
