#pragma once

#include <cstdint>
#include <systemc>
#include <vector>

#include "processor/golden/memory_channel.h"
#include "processor/golden/passes.h"

namespace trainer::golden {

/// Leads a job through its passes: has their operands loaded, opens the gate for their items, sees them drain, and has
/// their results stored (contract, sections 5 and 6).
class PassSequencer : public sc_core::sc_module {
 public:
  PassSequencer(const sc_core::sc_module_name& name, MemoryChannel& channel);

  /// Begins with the next edge of the clock. With `ideal_memory` every transfer takes no time.
  void start(Job* job, bool ideal_memory);
  bool waiting() const { return waiting_; }  ///< for that edge
  bool running() const { return running_; }

  bool has_item() const { return running_ && pass_ < static_cast<int64_t>(passes_.size()); }
  /// The item to send next.
  const Item& item() const { return item_; }
  /// Its operands are on chip, and there is room for its results.
  bool gate_open() const { return loaded_ > pass_ && stored_ >= pass_ - 1; }
  void next_item();
  /// An item's sums are in the output buffer.
  void drained(const Item& item);

  sc_core::sc_in<bool> clock;

 private:
  void run();
  void loaded(const Pass& pass);
  void stored(const Pass& pass);
  std::vector<Transfer> transfers();

  MemoryChannel& channel_;
  sc_core::sc_event start_;
  Job* job_ = nullptr;
  bool ideal_memory_ = false;
  bool waiting_ = false;
  bool running_ = false;
  std::vector<Pass> passes_;
  std::vector<int64_t> undrained_;   // items of each pass
  int64_t loaded_ = 0, stored_ = 0;  // passes
  int64_t computed_ = 0;             // passes at the front with every item drained
  int64_t pass_ = 0;                 // of the next item
  Item item_;
};

}  // namespace trainer::golden
