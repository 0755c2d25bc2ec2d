#include "processor/golden/group.h"

#include <string>
#include <utility>

namespace trainer::golden {

namespace {

constexpr int64_t kBanks = 2;

}  // namespace

Group::Group(const sc_core::sc_module_name& name, int64_t number, int64_t pes, OutputBuffer& output, OutputPort& port,
             PassSequencer& sequencer)
    : sc_core::sc_module(name),
      clock("clock"),
      received_("received"),
      pe_done_("pe_done"),
      drain_("drain", number, output, port, sequencer),
      estimator_("estimator") {
  drain_.clock(clock);
  estimator_.clock(clock);
  for (int64_t i = 0; i < pes; ++i) {
    pes_.push_back(std::make_unique<Pe>(("pe" + std::to_string(i)).c_str(), i, broadcast_, [this] {
      --working_;
      pe_done_.notify(sc_core::SC_ZERO_TIME);
    }));
    pes_.back()->clock(clock);
  }
  SC_HAS_PROCESS(Group);
  SC_METHOD(run);
  dont_initialize();
  sensitive << received_ << pe_done_ << drain_.drained << estimator_.done;
}

void Group::use(Job* job) {
  job_ = job;
  queue_.clear();
  estimated_.clear();
  computing_ = false;
  broadcast_.reset();
  drain_.use(job);
  estimator_.use(job);
  banks_.resize(static_cast<size_t>(job->processor.pes));
  for (const auto& pe : pes_) {
    pe->use(job);
  }
}

void Group::receive(const Item& item) {
  queue_.push_back(item);
  received_.notify(sc_core::SC_ZERO_TIME);
}

int64_t Group::outstanding() const {
  const size_t waiting = queue_.size() + estimated_.size();
  return static_cast<int64_t>(waiting) + (estimator_.busy() ? 1 : 0) + (computing_ ? 1 : 0);
}

void Group::run() {
  if (computing_ && working_ == 0) {
    finish_item();
  }
  if (estimator_.decided()) {
    estimated_.push_back(estimator_.take());
  }
  if (!computing_ && drain_.undrained() < kBanks) {
    computing_ = start_item();
  }
  if (job_->speculated && !queue_.empty() && !estimator_.busy()) {
    begin_estimate();
  }
}

void Group::finish_item() {
  computing_ = false;
  job_->times(item_).finish = job_->now();
  drain_.push(item_, std::move(banks_));
  banks_.assign(static_cast<size_t>(job_->processor.pes), {});
}

bool Group::start_item() {
  if (job_->speculated) {
    if (estimated_.empty()) {
      return false;
    }
    item_ = estimated_.front().item;
    for (size_t pe = 0; pe < banks_.size(); ++pe) {
      banks_[pe].estimates = std::move(estimated_.front().estimates[pe]);
    }
    estimated_.pop_front();
  } else {
    if (queue_.empty()) {
      return false;
    }
    item_ = queue_.front();
    queue_.pop_front();
  }
  job_->times(item_).start = job_->now();
  working_ = job_->processor.pes;
  for (int64_t pe = 0; pe < job_->processor.pes; ++pe) {
    pes_[static_cast<size_t>(pe)]->begin(item_, banks_[static_cast<size_t>(pe)]);
  }
  return true;
}

void Group::begin_estimate() {
  // The item that it works on has its place in the second queue already.
  if (static_cast<int64_t>(estimated_.size()) < job_->processor.estimator_fifo) {
    estimator_.begin(queue_.front());
    queue_.pop_front();
  }
}

}  // namespace trainer::golden
