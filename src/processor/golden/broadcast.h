#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trainer::golden {

/// The operand bus of a group in lockstep: the first PE that asks in a cycle causes the read, the others must ask for
/// the same values in the same order and are served by it.
class Broadcast {
 public:
  void reset() { *this = Broadcast(); }
  /// PE `pe` wants `operand` in cycle `cycle`. True where this causes a read. Throws std::logic_error when PEs that
  /// should be in lockstep are not.
  bool want(int64_t pe, int64_t cycle, int64_t operand);

 private:
  int64_t cycle_ = -1;
  int64_t leader_ = -1;
  std::vector<int64_t> operands_;   // of the leader in this cycle
  std::vector<std::size_t> taken_;  // by each PE
};

}  // namespace trainer::golden
