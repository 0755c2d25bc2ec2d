#include "processor/golden/estimator.h"

namespace trainer::golden {

Estimator::Estimator(const sc_core::sc_module_name& name)
    : sc_core::sc_module(name), done("done"), clock("clock"), begin_("begin") {
  SC_HAS_PROCESS(Estimator);
  SC_METHOD(run);
  dont_initialize();
  sensitive << begin_;
}

void Estimator::use(Job* job) {
  job_ = job;
  busy_ = decided_ = deciding_ = false;
  rows_.clear();
  if (!job->speculated) {
    return;
  }
  rows_.resize(static_cast<size_t>(job->processor.pes));
  for (size_t pe = 0; pe < rows_.size(); ++pe) {
    rows_[pe].datapath = make_datapath(*job, Lanes::exponents, static_cast<int64_t>(pe), broadcast_);
  }
}

void Estimator::begin(const Item& item) {
  busy_ = true;
  decided_ = deciding_ = false;
  item_ = {item, {}};
  item_.estimates.resize(rows_.size());
  for (Row& row : rows_) {
    row.bank = Bank();
    row.datapath->begin(item, row.bank);
    row.visiting = false;
  }
  job_->times(item).begun = job_->now();
  begin_.notify(sc_core::SC_ZERO_TIME);
}

void Estimator::run() {
  if (!deciding_ && !estimate()) {
    deciding_ = true;
    for (Row& row : rows_) {
      row.outputs.assign(row.bank.sums.begin(), row.bank.sums.end());
    }
  }
  if (deciding_ && !decide()) {
    decided_ = true;
    job_->times(item_.item).estimated = job_->now();
    done.notify(sc_core::SC_ZERO_TIME);
    return;
  }
  next_trigger(clock.posedge_event());
}

bool Estimator::estimate() {
  bool active = false;
  for (Row& row : rows_) {
    row.visiting = row.visiting || row.datapath->next_visit();
    if (row.visiting) {
      active = true;
      row.visiting = row.datapath->issue_cycle();
    }
  }
  return active;
}

bool Estimator::decide() {
  bool active = false;
  for (size_t pe = 0; pe < rows_.size(); ++pe) {
    std::vector<std::pair<int64_t, float>>& outputs = rows_[pe].outputs;
    for (int64_t lane = 0; lane < job_->processor.estimator_lanes && !outputs.empty(); ++lane) {
      active = true;
      ++job_->counts.predict;
      const auto [index, sum] = outputs.back();
      outputs.pop_back();
      // Margins and audits are training's: what it decided is an input.
      if (job_->layer.skipped[static_cast<size_t>(index)] != 0) {
        item_.estimates[pe][index] = sum;
      }
    }
  }
  return active;
}

EstimatedItem Estimator::take() {
  busy_ = false;
  return std::move(item_);
}

}  // namespace trainer::golden
