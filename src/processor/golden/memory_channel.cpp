#include "processor/golden/memory_channel.h"

#include <utility>

namespace trainer::golden {

MemoryChannel::MemoryChannel(const sc_core::sc_module_name& name, const sc_core::sc_time& period)
    : sc_core::sc_module(name), changed("changed"), period_(period), begin_("begin") {
  SC_HAS_PROCESS(MemoryChannel);
  SC_METHOD(run);
  dont_initialize();
  sensitive << begin_ << changed;
}

void MemoryChannel::begin(std::vector<Transfer> transfers, Counts* counts) {
  transfers_ = std::move(transfers);
  counts_ = counts;
  next_ = 0;
  moving_ = false;
  begin_.notify(sc_core::SC_ZERO_TIME);
}

void MemoryChannel::run() {
  if (moving_) {  // its last cycle has passed
    complete();
  }
  while (busy() && transfers_[next_].ready()) {
    const int64_t cycles = transfers_[next_].cycles;
    if (cycles > 0) {
      moving_ = true;
      counts_->memory_cycles += cycles;
      next_trigger(static_cast<double>(cycles) * period_);
      return;
    }
    complete();
  }
}

void MemoryChannel::complete() {
  moving_ = false;
  transfers_[next_].done();
  ++next_;
}

}  // namespace trainer::golden
