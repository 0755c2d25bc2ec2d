#include "processor/golden/controller.h"

#include <algorithm>

#include "processor/golden/memory.h"

namespace trainer::golden {

Controller::Controller(sc_core::sc_module_name name, int64_t groups, int64_t pes)
    : sc_core::sc_module(name), clock("clock"), start_("start"), done_("done", static_cast<int>(groups)) {
  for (int64_t i = 0; i < groups; ++i) {
    groups_.push_back(std::make_unique<Group>(("group" + std::to_string(i)).c_str(), i, pes, done_));
    groups_.back()->clock(clock);
  }
  SC_HAS_PROCESS(Controller);
  SC_METHOD(run);
  dont_initialize();
  sensitive << start_;
}

void Controller::start(Job* job) {
  job_ = job;
  for (const auto& group : groups_) {
    group->use(job);
  }
  start_.notify(sc_core::SC_ZERO_TIME);
}

void Controller::run() {
  if (!busy_) {
    if (!clock.posedge()) {  // started between edges
      next_trigger(clock.posedge_event());
      return;
    }
    busy_ = true;
    round_ = 0;
    load_operands(*job_);
    deal_round();
  } else {
    int finished = 0;
    while (done_.nb_read(finished)) {
      --working_;
    }
    if (working_ == 0) {
      ++round_;
      deal_round();
    }
  }
  if (busy_) {
    next_trigger(done_.data_written_event());
  }
}

void Controller::deal_round() {
  const int64_t items = job_->blocks * job_->tiles;
  const int64_t first = round_ * job_->processor.groups;
  const int64_t end = std::min(first + job_->processor.groups, items);
  if (first >= end) {
    store_results(*job_);
    busy_ = false;
    sc_core::sc_pause();
    return;
  }
  for (int64_t item = first; item < end; ++item) {
    groups_[static_cast<size_t>(item - first)]->items.nb_write({item % job_->blocks, item / job_->blocks});
    ++working_;
  }
}

}  // namespace trainer::golden
