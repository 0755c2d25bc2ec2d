#pragma once

#include <deque>
#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/drain.h"
#include "processor/golden/pe.h"

namespace trainer::golden {

/// PEs that work on one item at a time, with a queue of items before them and two banks of accumulators: one item is
/// worked on while the one before drains (contract, section 4).
class Group : public sc_core::sc_module {
 public:
  Group(const sc_core::sc_module_name& name, int64_t pes, OutputBuffer& output, PassSequencer& sequencer);

  void use(Job* job);
  bool has_room() const { return static_cast<int64_t>(queue_.size()) < job_->processor.fifo_depth; }
  void receive(const Item& item);
  bool active(int64_t pe) const { return pes_[static_cast<size_t>(pe)]->active(); }
  bool draining() const { return drain_.busy(); }

  sc_core::sc_in<bool> clock;

 private:
  void run();
  void start_item();

  OutputBuffer& output_;
  sc_core::sc_event received_;
  sc_core::sc_event pe_done_;
  Drain drain_;
  Broadcast broadcast_;
  std::vector<std::unique_ptr<Pe>> pes_;
  std::deque<Item> queue_;
  Job* job_ = nullptr;
  bool computing_ = false;
  Item item_;                // computed
  std::vector<Bank> banks_;  // its sums, of each PE
  int64_t working_ = 0;      // PEs that have not finished it
};

}  // namespace trainer::golden
