#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "processor/golden/machine.h"

namespace trainer::golden {

/// One transfer of the DRAM channel.
struct Transfer {
  int64_t cycles = 0;           ///< may be 0: done as soon as it is allowed
  std::function<bool()> ready;  ///< may it begin?
  std::function<void()> done;
};

/// The DRAM channel: one transfer after the other, in the given order; each waits until it is allowed (contract,
/// section 6).
class MemoryChannel : public sc_core::sc_module {
 public:
  MemoryChannel(const sc_core::sc_module_name& name, const sc_core::sc_time& period);

  /// Begins now.
  void begin(std::vector<Transfer> transfers, Counts* counts);
  bool busy() const { return next_ < transfers_.size(); }
  bool moving() const { return moving_; }

  /// To be notified when ready() of the next transfer may have become true.
  sc_core::sc_event changed;

 private:
  void run();
  void complete();

  const sc_core::sc_time period_;
  sc_core::sc_event begin_;
  std::vector<Transfer> transfers_;
  Counts* counts_ = nullptr;
  size_t next_ = 0;
  bool moving_ = false;
};

}  // namespace trainer::golden
