#include "processor/golden/broadcast.h"

#include <algorithm>
#include <stdexcept>

namespace trainer::golden {

bool Broadcast::want(int64_t pe, int64_t cycle, int64_t operand) {
  if (cycle != cycle_) {
    cycle_ = cycle;
    leader_ = pe;
    operands_.clear();
    std::fill(taken_.begin(), taken_.end(), 0);
  }
  if (pe == leader_) {
    operands_.push_back(operand);
    return true;
  }
  if (taken_.size() <= static_cast<std::size_t>(pe)) {
    taken_.resize(static_cast<std::size_t>(pe) + 1, 0);
  }
  std::size_t& taken = taken_[static_cast<std::size_t>(pe)];
  if (taken >= operands_.size() || operands_[taken] != operand) {
    throw std::logic_error("golden model: PEs of a group in lockstep want different values");
  }
  ++taken;
  return false;
}

}  // namespace trainer::golden
