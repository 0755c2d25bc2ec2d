#include "processor/golden/drain.h"

#include <algorithm>
#include <utility>

namespace trainer::golden {

Drain::Drain(const sc_core::sc_module_name& name, int64_t group, OutputBuffer& output, OutputPort& port,
             PassSequencer& sequencer)
    : sc_core::sc_module(name),
      drained("drained"),
      clock("clock"),
      group_(group),
      output_(output),
      port_(port),
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
  int64_t sums = 0;
  for (const Bank& bank : banks) {
    sums += bank.slots;
  }
  entries_.push_back({item, std::move(banks), kSumBits * sums});
  pushed_.notify(sc_core::SC_ZERO_TIME);
}

void Drain::run() {
  if (busy_ && port_.granted(group_)) {  // a cycle has passed
    move();
    if (empty()) {
      port_.leave(group_);
      complete();
    }
  }
  while (!busy_ && !entries_.empty()) {
    busy_ = true;
    if (empty()) {
      complete();
    } else {
      port_.ask(group_);
    }
  }
  if (busy_) {
    next_trigger(clock.posedge_event());
  }
}

void Drain::move() {
  Entry& entry = entries_.front();
  for (Bank& bank : entry.banks) {
    bank.slots = std::max<int64_t>(bank.slots - job_->processor.drain, 0);
  }
  entry.port_bits = std::max<int64_t>(entry.port_bits - job_->processor.output_port_bits, 0);
}

bool Drain::empty() const {
  return entries_.front().port_bits == 0 && std::all_of(entries_.front().banks.begin(), entries_.front().banks.end(),
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
