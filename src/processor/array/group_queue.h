#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "processor/parameters.h"

namespace trainer {

/// One group of PEs with its queue, its estimator and its drain: when what happens to its items, as far as drains that
/// are known say (docs/processor-contract.md, section 4).
class GroupQueue {
 public:
  struct Item {
    int64_t sent;
    int64_t estimate;
    int64_t cycles;
    int64_t drain;
    size_t pass;
  };

  GroupQueue(const ProcessorParameters& parameters, bool speculated)
      : depth_(static_cast<size_t>(parameters.fifo_depth)),
        estimate_depth_(static_cast<size_t>(parameters.speculation_fifo_depth)),
        speculated_(speculated) {}

  /// About as many items as that are to come.
  void expect(size_t items) { times_.reserve(items); }

  /// Whether it is known when the queue has room for one more item, and that time: 0 where it always has.
  bool knows_room() const { return times_.size() < depth_ || times_.size() - depth_ < taken(); }
  int64_t room() const { return times_.size() < depth_ ? 0 : times_[times_.size() - depth_].taken; }

  /// The next item.
  void push(const Item& item) {
    times_.push_back({item});
    follow();
  }

  /// Whether the first item not drained is known to finish, and when it asks for the output port then.
  bool asks() const { return drained_ < started_; }
  int64_t asked() const { return std::max(times_[drained_].finish, drained_ == 0 ? 0 : times_[drained_ - 1].drained); }
  int64_t drain_cycles() const { return times_[drained_].item.drain; }
  size_t draining_pass() const { return times_[drained_].item.pass; }
  /// It has drained at that time.
  void drain(int64_t when) {
    times_[drained_++].drained = when;
    follow();
  }

  /// Items sent and not finished at that time, which must not be before that of an earlier call. All starts until then
  /// are known.
  size_t outstanding(int64_t when) {
    while (finished_ < started_ && times_[finished_].finish <= when) {
      ++finished_;
    }
    return times_.size() - finished_;
  }

 private:
  struct Times {
    Item item;
    int64_t taken = 0;      // left the first queue
    int64_t estimated = 0;  // or sent, where there is no estimator
    int64_t start = 0;
    int64_t finish = 0;
    int64_t drained = 0;
  };

  size_t taken() const { return speculated_ ? begun_ : started_; }

  void follow() {
    bool more = true;
    while (more) {
      more = speculated_ && begin();
      more = start() || more;
    }
  }

  bool begin() {
    const size_t j = begun_;
    if (j == times_.size() || (j >= estimate_depth_ && j - estimate_depth_ >= started_)) {
      return false;
    }
    Times& own = times_[j];
    own.taken = std::max({own.item.sent, j == 0 ? 0 : times_[j - 1].estimated,
                          j < estimate_depth_ ? 0 : times_[j - estimate_depth_].start});
    own.estimated = own.taken + own.item.estimate;
    ++begun_;
    return true;
  }

  bool start() {
    const size_t j = started_;
    if (j == (speculated_ ? begun_ : times_.size()) || j >= drained_ + 2) {
      return false;
    }
    Times& own = times_[j];
    if (!speculated_) {
      own.estimated = own.item.sent;
    }
    own.start = std::max({own.estimated, j == 0 ? 0 : times_[j - 1].finish, j < 2 ? 0 : times_[j - 2].drained});
    own.finish = own.start + own.item.cycles;
    if (!speculated_) {
      own.taken = own.start;
    }
    ++started_;
    return true;
  }

  size_t depth_;           // D
  size_t estimate_depth_;  // F
  bool speculated_;
  std::vector<Times> times_;  // of all items so far
  size_t begun_ = 0;          // items whose times are known up to there
  size_t started_ = 0;
  size_t drained_ = 0;
  size_t finished_ = 0;  // by the time that outstanding() was asked for last
};

}  // namespace trainer
