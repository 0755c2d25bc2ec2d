#pragma once

#include <deque>
#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/drain.h"
#include "processor/golden/estimator.h"
#include "processor/golden/pe.h"

namespace trainer::golden {

/// PEs that work on one item at a time, with a queue of items before them and two banks of accumulators: one item is
/// worked on while the one before drains. Where FF is speculated, items go from that queue through the estimator to a
/// second one, with the bitmaps of their wanted outputs (contract, section 4).
class Group : public sc_core::sc_module {
 public:
  Group(const sc_core::sc_module_name& name, int64_t number, int64_t pes, OutputBuffer& output, OutputPort& port,
        PassSequencer& sequencer);

  void use(Job* job);
  bool has_room() const { return static_cast<int64_t>(queue_.size()) < job_->processor.fifo_depth; }
  void receive(const Item& item);
  /// Items received and not finished.
  int64_t outstanding() const;
  bool active(int64_t pe) const { return pes_[static_cast<size_t>(pe)]->active(); }
  bool draining() const { return drain_.busy(); }
  bool estimating() const { return estimator_.working(); }

  sc_core::sc_in<bool> clock;

 private:
  void run();
  void finish_item();
  /// False where there is no item to start.
  bool start_item();
  void begin_estimate();

  sc_core::sc_event received_;
  sc_core::sc_event pe_done_;
  Drain drain_;
  Estimator estimator_;
  Broadcast broadcast_;
  std::vector<std::unique_ptr<Pe>> pes_;
  std::deque<Item> queue_;
  std::deque<EstimatedItem> estimated_;
  Job* job_ = nullptr;
  bool computing_ = false;
  Item item_;                // computed
  std::vector<Bank> banks_;  // its sums, of each PE
  int64_t working_ = 0;      // PEs that have not finished it
};

}  // namespace trainer::golden
