#include "processor/golden/group.h"

#include <string>
#include <utility>

#include "processor/golden/item_reader.h"

namespace trainer::golden {

namespace {

constexpr int64_t kBanks = 2;

}  // namespace

Group::Group(const sc_core::sc_module_name& name, int64_t pes, OutputBuffer& output, PassSequencer& sequencer)
    : sc_core::sc_module(name),
      clock("clock"),
      output_(output),
      received_("received"),
      pe_done_("pe_done"),
      drain_("drain", output, sequencer) {
  drain_.clock(clock);
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
  sensitive << received_ << pe_done_ << drain_.drained;
}

void Group::use(Job* job) {
  job_ = job;
  queue_.clear();
  computing_ = false;
  broadcast_.reset();
  drain_.use(job);
  banks_.resize(static_cast<size_t>(job->processor.pes));
  for (const auto& pe : pes_) {
    pe->use(job);
  }
}

void Group::receive(const Item& item) {
  queue_.push_back(item);
  received_.notify(sc_core::SC_ZERO_TIME);
}

void Group::run() {
  if (computing_ && working_ == 0) {
    computing_ = false;
    job_->times(item_).finish = job_->now();
    drain_.push(item_, std::move(banks_));
    banks_.assign(static_cast<size_t>(job_->processor.pes), {});
  }
  if (!computing_ && !queue_.empty() && drain_.undrained() < kBanks) {
    start_item();
  }
}

void Group::start_item() {
  computing_ = true;
  item_ = queue_.front();
  queue_.pop_front();
  job_->times(item_).start = job_->now();
  read_item(*job_, item_);
  working_ = job_->processor.pes;
  for (int64_t pe = 0; pe < job_->processor.pes; ++pe) {
    pes_[static_cast<size_t>(pe)]->begin(item_, banks_[static_cast<size_t>(pe)]);
  }
}

}  // namespace trainer::golden
