#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "processor/golden/memory_channel.h"

namespace trainer::golden {

/// One pass of BN or UP over some elements.
struct Stage {
  int64_t elements = 0;
  int64_t per_cycle = 0;   ///< 0: done while the values pass anyway, without a cycle of its own
  int64_t fetch_bits = 0;  ///< of each element, from DRAM through the global buffer
  int64_t store_bits = 0;
  std::function<void(int64_t)> work;
};

/// The unit beside the array that does BN and UP: stage after stage, up to per_cycle elements each clock cycle, while
/// the DRAM channel moves all that it reads, then all that it writes (contract, sections 10 and 11).
class StreamUnit : public sc_core::sc_module {
 public:
  StreamUnit(const sc_core::sc_module_name& name, MemoryChannel& channel);

  /// Begins with the next edge of the clock.
  void start(std::vector<Stage> stages, const Processor& processor, Counts* counts);
  bool waiting() const { return waiting_; }  ///< for that edge
  bool running() const { return running_; }

  sc_core::sc_in<bool> clock;

 private:
  void run();
  void begin();
  /// Elements of this cycle. True where the stage takes a cycle for them.
  bool do_elements(const Stage& stage);

  MemoryChannel& channel_;
  sc_core::sc_event start_;
  std::vector<Stage> stages_;
  std::vector<Transfer> transfers_;
  Counts* counts_ = nullptr;
  bool waiting_ = false;
  bool running_ = false;
  size_t stage_ = 0;
  int64_t next_ = 0;  // element of the stage
};

}  // namespace trainer::golden
