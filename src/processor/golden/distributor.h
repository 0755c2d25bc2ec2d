#pragma once

#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/group.h"
#include "processor/golden/pass_sequencer.h"

namespace trainer::golden {

/// Hands items to the queues of their groups, in order, one per cycle at most (contract, section 4). It looks at the
/// gate and the queue in the middle of a cycle, when all has settled, and sends with the next edge.
class Distributor : public sc_core::sc_module {
 public:
  Distributor(const sc_core::sc_module_name& name, PassSequencer& sequencer,
              const std::vector<std::unique_ptr<Group>>& groups);

  void use(Job* job) { job_ = job; }

  sc_core::sc_in<bool> clock;

 private:
  void look();
  void send();

  PassSequencer& sequencer_;
  const std::vector<std::unique_ptr<Group>>& groups_;
  Job* job_ = nullptr;
  bool send_ = false;
};

}  // namespace trainer::golden
