#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/group.h"

namespace trainer::golden {

/// Deals the items to the groups, a round at a time; the groups meet at the round's end.
class Controller : public sc_core::sc_module {
 public:
  Controller(sc_core::sc_module_name name, int64_t groups, int64_t pes);

  /// Runs the job from the next edge of the clock on; `finished()` is then notified.
  void start(Job* job);
  bool busy() const { return busy_; }
  bool active(int64_t group, int64_t pe) const { return groups_[static_cast<size_t>(group)]->active(pe); }

  sc_core::sc_in<bool> clock;

 private:
  void run();
  void deal_round();

  sc_core::sc_event start_;
  sc_core::sc_fifo<int> done_;
  std::vector<std::unique_ptr<Group>> groups_;
  Job* job_ = nullptr;
  bool busy_ = false;
  int64_t round_ = 0;
  int64_t working_ = 0;  // groups that have not finished the round
};

}  // namespace trainer::golden
