#pragma once

#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "processor/golden/group.h"
#include "processor/golden/pass_sequencer.h"

namespace trainer::golden {

/// Hands items to the queues of their groups, in order, one after the other through the global buffer's port (contract,
/// section 4). It looks at the gate and the queues in the middle of a cycle, when all has settled, and sends with an
/// edge. With a dynamic assignment it picks the group, by the items that groups have outstanding.
class Distributor : public sc_core::sc_module {
 public:
  Distributor(const sc_core::sc_module_name& name, PassSequencer& sequencer,
              const std::vector<std::unique_ptr<Group>>& groups);

  void use(Job* job);
  bool sending() const { return cycles_left_ > 0; }

  sc_core::sc_in<bool> clock;

 private:
  static constexpr int64_t kNone = -1;

  void look();
  void send();
  /// With a dynamic assignment, or the group that the dataflow gives the item.
  int64_t pick_group(const Item& item) const;

  PassSequencer& sequencer_;
  const std::vector<std::unique_ptr<Group>>& groups_;
  Job* job_ = nullptr;
  int64_t group_ = kNone;    // of the next item
  int64_t cycles_left_ = 0;  // of the item in the port
};

}  // namespace trainer::golden
