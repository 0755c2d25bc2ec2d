#include "processor/golden/drain.h"

#include <algorithm>
#include <utility>

namespace trainer::golden {

Drain::Drain(const sc_core::sc_module_name& name, OutputBuffer& output, PassSequencer& sequencer)
    : sc_core::sc_module(name),
      drained("drained"),
      clock("clock"),
      output_(output),
      sequencer_(sequencer),
      pushed_("pushed") {
  SC_HAS_PROCESS(Drain);
  SC_METHOD(run);
  dont_initialize();
  sensitive << pushed_;
}

void Drain::use(Job* job) {
  job_ = job;
  entries_.clear();
  busy_ = false;
}

void Drain::push(const Item& item, std::vector<Bank> banks) {
  entries_.push_back({item, std::move(banks)});
  pushed_.notify(sc_core::SC_ZERO_TIME);
}

void Drain::run() {
  if (busy_) {  // a cycle has passed
    for (Bank& bank : entries_.front().banks) {
      bank.slots = std::max<int64_t>(bank.slots - job_->processor.drain, 0);
    }
    if (empty()) {
      complete();
    }
  }
  while (!busy_ && !entries_.empty()) {
    busy_ = true;
    if (empty()) {
      complete();
    }
  }
  if (busy_) {
    next_trigger(clock.posedge_event());
  }
}

bool Drain::empty() const {
  return std::all_of(entries_.front().banks.begin(), entries_.front().banks.end(),
                     [](const Bank& bank) { return bank.slots == 0; });
}

void Drain::complete() {
  busy_ = false;
  job_->times(entries_.front().item).drained = job_->now();
  output_.take(entries_.front().item, entries_.front().banks);
  sequencer_.drained(entries_.front().item);
  entries_.pop_front();
  drained.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace trainer::golden
