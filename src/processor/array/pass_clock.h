#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "processor/memory/dram.h"
#include "processor/memory/passes.h"

namespace trainer {

/// When the DRAM channel has loaded and stored passes, as far as drains that are known say (docs/processor-contract.md,
/// section 6).
class PassClock {
 public:
  PassClock(const PassPlan& plan, int64_t slices, const Dram& dram, bool memory_takes_time)
      : plan_(plan), dram_(dram), memory_takes_time_(memory_takes_time) {
    for (const Pass& pass : plan.passes) {
      undrained_.push_back((pass.tile_end - pass.tile_begin) * (pass.block_end - pass.block_begin) * slices);
    }
    last_drained_.resize(undrained_.size());
    load();
    load();
  }

  /// Whether it is known when items of this pass may be sent, and that time.
  bool has_gate(size_t pass) const { return pass < loaded_.size(); }
  int64_t gate(size_t pass) const { return std::max(loaded_[pass], pass < 2 ? 0 : stored_[pass - 2]); }

  /// An item of this pass has drained.
  void drained(size_t pass, int64_t when) {
    last_drained_[pass] = std::max(last_drained_[pass], when);
    --undrained_[pass];
    while (stored_.size() < undrained_.size() && undrained_[stored_.size()] == 0) {
      computed_ = std::max(computed_, last_drained_[stored_.size()]);
      free_ = std::max(free_, computed_) + transfer(plan_.passes[stored_.size()].store_bytes);
      stored_.push_back(free_);
      load();
    }
  }

  /// Of the last store, once everything has drained.
  int64_t end() const { return stored_.back(); }

 private:
  int64_t transfer(int64_t bytes) const { return memory_takes_time_ ? dram_.cycles(bytes) : 0; }

  /// The next load: after the store of the pass two before it, whose half of the buffer it fills.
  void load() {
    if (loaded_.size() < plan_.passes.size()) {
      free_ += transfer(plan_.passes[loaded_.size()].load_bytes);
      loaded_.push_back(free_);
    }
  }

  const PassPlan& plan_;
  Dram dram_;
  bool memory_takes_time_;
  std::vector<int64_t> undrained_;     // items of each pass
  std::vector<int64_t> last_drained_;  // of the pass's items so far
  std::vector<int64_t> loaded_;        // of the first passes: as many as are known
  std::vector<int64_t> stored_;
  int64_t computed_ = 0;  // all items of passes stored
  int64_t free_ = 0;      // the end of the transfer before
};

}  // namespace trainer
