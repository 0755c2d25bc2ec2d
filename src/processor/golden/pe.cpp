#include "processor/golden/pe.h"

#include <utility>

namespace trainer::golden {

Pe::Pe(const sc_core::sc_module_name& name, int64_t number, Broadcast& broadcast, std::function<void()> done)
    : sc_core::sc_module(name),
      clock("clock"),
      number_(number),
      broadcast_(broadcast),
      done_(std::move(done)),
      begin_("begin") {
  SC_HAS_PROCESS(Pe);
  SC_METHOD(run);
  dont_initialize();
  sensitive << begin_;
}

void Pe::use(Job* job) {
  datapath_ = make_datapath(*job, Lanes::multipliers, number_, broadcast_);
  active_ = visiting_ = false;
}

void Pe::begin(const Item& item, Bank& bank) {
  datapath_->begin(item, bank);
  begin_.notify(sc_core::SC_ZERO_TIME);
}

void Pe::run() {
  if (!visiting_) {
    visiting_ = datapath_->next_visit();
  }
  active_ = visiting_;
  if (!active_) {
    done_();
    return;
  }
  visiting_ = datapath_->issue_cycle();
  next_trigger(clock.posedge_event());
}

}  // namespace trainer::golden
