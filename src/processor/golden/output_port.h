#pragma once

#include <cstdint>
#include <set>
#include <systemc>
#include <vector>

#include "processor/golden/job.h"

namespace trainer::golden {

/// The port of the output buffer: the sums of so many groups pass at a time. Groups ask for a way and are given one in
/// the order in which they ask, the lower one first where they ask in the same cycle (contract, section 4). It looks at
/// who asks in the middle of a cycle, when all has settled; sums pass from that cycle on.
class OutputPort : public sc_core::sc_module {
 public:
  explicit OutputPort(const sc_core::sc_module_name& name);

  void use(const Job* job);
  /// Now, and until it leaves.
  void ask(int64_t group);
  bool granted(int64_t group) const { return granted_.count(group) != 0; }
  void leave(int64_t group) { granted_.erase(group); }

  sc_core::sc_in<bool> clock;

 private:
  struct Ask {
    int64_t cycle = 0;
    int64_t group = 0;
    bool operator<(const Ask& other) const { return cycle != other.cycle ? cycle < other.cycle : group < other.group; }
  };

  void look();

  const Job* job_ = nullptr;
  size_t ways_ = 1;
  std::set<Ask> asks_;  // not granted
  std::set<int64_t> granted_;
};

}  // namespace trainer::golden
